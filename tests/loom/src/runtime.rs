//! A runtime of several workers, with shuttle's locks: what the broker's scheduler asks of it, and no more.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};

type Task = Box<dyn FnOnce() + Send>;

/// What tasks are given to.
#[derive(Clone, Default)]
pub struct Handle(Arc<Shared>);

/// A task goes on without it.
pub struct JoinHandle;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    ending: Option<Ending>,
}

/// How the workers end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// When nothing is left.
    Finish,
    /// At once; what was not begun is dropped.
    Drop,
}

impl Handle {
    /// A task of its own.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle {
        self.spawn_blocking(move || shuttle::future::block_on(task))
    }

    /// A task that may block.
    pub fn spawn_blocking(&self, task: impl FnOnce() + Send + 'static) -> JoinHandle {
        let refused: Option<Task> = {
            let mut state = self.0.state.lock().expect("no worker panics here");
            if state.ending == Some(Ending::Drop) {
                Some(Box::new(task))
            } else {
                state.tasks.push_back(Box::new(task));
                None
            }
        };
        drop(refused);
        self.0.filled.notify_one();
        JoinHandle
    }

    /// What a worker does.
    pub fn work(&self) {
        while let Some(task) = self.next() {
            task();
        }
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.0.state.lock().expect("no worker panics here");
        loop {
            if let Some(task) = state.tasks.pop_front() {
                return Some(task);
            }
            if state.ending.is_some() {
                return None;
            }
            state = self.0.filled.wait(state).expect("no worker panics here");
        }
    }

    /// Ends the workers; gives how many tasks were dropped.
    pub fn end(&self, ending: Ending) -> usize {
        let dropped = {
            let mut state = self.0.state.lock().expect("no worker panics here");
            state.ending = Some(ending);
            if ending == Ending::Drop { std::mem::take(&mut state.tasks) } else { VecDeque::new() }
        };
        self.0.filled.notify_all();
        dropped.len()
    }
}
