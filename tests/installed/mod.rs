//! The program as it is installed: linked to RabbitMQ's names, started by one of them, and asked by the others in
//! a shell, with the commands that other people's tools, compose files and charts run, written as they write them.

mod image;
mod installation;
mod probes;
mod scripts;
mod service;
