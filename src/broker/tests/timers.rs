//! Who sleeps until something is due.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::base::{Millis, QueueId};
use crate::broker::timers::Timers;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_sleeper_is_woken_only_by_what_is_due_before_everything_else() {
    let timers = Timers::default();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let set = |id, before: Option<u64>, at| {
        timers.set(QueueId(id), Weak::new(), before.map(Millis), Millis(at));
    };
    assert_eq!(timers.poll_earlier(None, &mut context), Poll::Pending);
    set(1, None, 50);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(timers.poll_earlier(Some(Millis(50)), &mut context), Poll::Pending);
    set(2, None, 60);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1, "it is not the first");
    set(2, Some(60), 40);
    assert_eq!(woken.0.load(Ordering::SeqCst), 2);
    assert_eq!(timers.next(), Some(Millis(40)));
    timers.take_due(Millis(45), 10);
    assert_eq!(timers.next(), Some(Millis(50)), "a queue has one entry");
    assert_eq!(timers.poll_earlier(Some(Millis(51)), &mut context), Poll::Ready(()));
}

#[test]
fn a_sleeper_looks_again_when_the_clock_was_turned_t6() {
    let timers = Timers::default();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    timers.set(QueueId(1), Weak::new(), None, Millis(50));
    assert_eq!(timers.poll_earlier(Some(Millis(50)), &mut context), Poll::Pending);
    timers.clock_turned();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(timers.poll_earlier(Some(Millis(50)), &mut context), Poll::Ready(()));
    assert_eq!(timers.poll_earlier(Some(Millis(50)), &mut context), Poll::Pending, "once");
    // Who was not asleep hears of it as well.
    timers.clock_turned();
    assert_eq!(timers.poll_earlier(None, &mut context), Poll::Ready(()));
}
