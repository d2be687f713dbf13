//! The type of queues that are declared without one (rabbitmq: vhosts.md, default queue type).

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};

use super::policy::QueueType;
use super::{Cell, DeclareQueue, Vhost};
use crate::base::{FieldValue, ShortStr};

/// The default type of a virtual host; none at first, which leaves it to the configuration.
#[derive(Default)]
pub(super) struct DefaultType(AtomicU8);

const CLASSIC: u8 = 1;
const QUORUM: u8 = 2;

const QUEUE_TYPE: &str = "x-queue-type";

impl DefaultType {
    pub(super) fn set(&self, queue_type: Option<QueueType>) {
        let code = match queue_type {
            None => 0,
            Some(QueueType::Classic) => CLASSIC,
            Some(QueueType::Quorum) => QUORUM,
        };
        self.0.store(code, Ordering::Relaxed);
    }

    fn get(&self) -> Option<QueueType> {
        match self.0.load(Ordering::Relaxed) {
            CLASSIC => Some(QueueType::Classic),
            QUORUM => Some(QueueType::Quorum),
            _ => None,
        }
    }
}

impl Vhost {
    /// The type that a queue without one gets, when somebody said one.
    #[must_use]
    pub fn default_queue_type(&self) -> Option<QueueType> {
        self.default_type.get().or(self.common.default_queue_type)
    }

    /// The declaration with the default type, when it says none and could be of that type: a default never
    /// makes a declaration fail.
    pub(super) fn with_default_type<'a>(&self, declare: &'a DeclareQueue) -> Cow<'a, DeclareQueue> {
        of_default_type(self.default_queue_type(), declare)
    }

    /// The declaration with the type of the queue that is there, when it says none and there is a default:
    /// then the one who declares does not care, whatever the default was when the queue came.
    pub(super) fn with_type_of<'a>(
        &self,
        cell: &Cell,
        declare: &'a DeclareQueue,
    ) -> Cow<'a, DeclareQueue> {
        match self.default_queue_type() {
            Some(_) => with_type(declare, cell.effective().queue_type),
            None => Cow::Borrowed(declare),
        }
    }
}

/// See [`Vhost::with_default_type`].
pub(super) fn of_default_type(
    default: Option<QueueType>,
    declare: &DeclareQueue,
) -> Cow<'_, DeclareQueue> {
    let fits = match default {
        None | Some(QueueType::Classic) => false,
        Some(QueueType::Quorum) => {
            declare.durable
                && !declare.exclusive
                && !declare.auto_delete
                && !declare.queue.is_empty()
                && declare.arguments.get(b"x-max-priority").is_none()
        }
    };
    if fits { with_type(declare, QueueType::Quorum) } else { Cow::Borrowed(declare) }
}

fn with_type(declare: &DeclareQueue, queue_type: QueueType) -> Cow<'_, DeclareQueue> {
    if declare.arguments.get(QUEUE_TYPE.as_bytes()).is_some() {
        return Cow::Borrowed(declare);
    }
    let mut typed = declare.clone();
    if let Ok(key) = ShortStr::try_from(QUEUE_TYPE) {
        typed.arguments.push(key, FieldValue::text(queue_type.as_str()));
    }
    Cow::Owned(typed)
}
