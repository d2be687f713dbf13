//! The message log, over files in memory: what a group costs from the submission to the ticket, with
//! the log's own thread. The simulated disk is in the figure, with its copying and its book of sectors.

use std::sync::Arc;
use std::sync::mpsc::channel;

use haremq::base::{Message, MessageId};
use haremq::store::{
    EnqueueOptions, Entry, LogOptions, MessageLog, QueueNumber, SegmentLog, SimulatedLayer,
    Submission,
};

use super::cases::Work;
use super::codec::message;

const QUEUE: QueueNumber = QueueNumber(1);

/// Messages of 1 KiB that come with one read of a socket.
const GROUP: u64 = 60;

pub(crate) fn group() -> Work {
    let layer = Arc::new(SimulatedLayer::new());
    let opened = SegmentLog::open(layer, LogOptions::with_salt(1), Box::new(|_| {}));
    let log = opened.expect("an empty folder can be opened").0;
    let (done, written) = channel();
    let mut next = 1;
    Box::new(move || {
        let messages: Vec<Message> = (0..GROUP).map(|_| message(1024)).collect();
        let entries = messages.into_iter().zip(next..).map(|(message, id)| Entry::Enqueue {
            queue: QUEUE,
            id: MessageId(id),
            message,
            options: EnqueueOptions::default(),
        });
        let entries = entries.collect();
        let told = done.clone();
        let ticket: haremq::store::LogDone = Box::new(move |result| {
            // The case may be over.
            let _ = told.send(result.is_ok());
        });
        log.submit(Submission { entries, durable: true, atomic: false, done: Some(ticket) });
        // Nothing more is submitted before the ticket is there: so every group is one submission, on
        // every machine.
        assert_eq!(written.recv(), Ok(true), "memory takes everything");
        let runs = vec![(MessageId(next), MessageId(next + GROUP - 1))];
        let entries = vec![Entry::Settle { queue: QUEUE, runs }];
        log.submit(Submission { entries, durable: false, atomic: false, done: None });
        next += GROUP;
    })
}
