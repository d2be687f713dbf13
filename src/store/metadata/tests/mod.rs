//! The store of definitions from outside: what it promises, and what it does with broken files.

mod damage;
mod fixture;
mod full;
mod opening;
mod storing;
