//! A virtual host: one routing table and the cells of its queues.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, Weak};
use std::thread;

use super::broker::Common;
use super::counts::Flows;
use super::default_type::DefaultType;
use super::direct_reply::DirectReplies;
use super::history::Histories;
use super::notices::Occurrence;
use super::policies::Policies;
use super::sweeping::Sweeping;
use super::windows::Windows;
use super::{Cell, Peer, QueueInfo, Refused, keeping, refuse};
use crate::access::{Action, Question, ResourceKind, Rights};
use crate::base::limits::LOOKERS_FIRST_YIELDS_MAX;
use crate::base::{ReplyCode, VhostName};
use crate::routing::{ExchangeKind, Table};
use crate::store;

/// See the module.
pub struct Vhost {
    pub(super) name: VhostName,
    pub(super) common: Arc<Common>,
    me: Weak<Self>,
    table: RwLock<Table<Arc<Cell>>>,
    /// How many threads wait for a look at the table.
    lookers: AtomicUsize,
    /// Whether somebody sweeps up what has fallen in the table.
    pub(super) is_swept: AtomicBool,
    /// The table's generation, readable without its lock: a publisher whose cached route is of this
    /// generation needs no lock at all.
    generation: AtomicU64,
    pub(super) policies: Policies,
    pub(super) histories: Histories,
    pub(super) windows: Arc<Windows>,
    pub(super) default_type: DefaultType,
    /// Nothing comes into it any more.
    pub(super) deleted: AtomicBool,
    /// Whether the definitions were told that all of it is gone.
    forgotten: AtomicBool,
    pub(super) direct_replies: DirectReplies,
    pub(super) flows: Flows,
    /// Messages that were delayed and went with their exchange.
    pub(super) dropped_delayed: AtomicU64,
    /// Whether messages are copied to the firehose.
    pub(super) tracing: AtomicBool,
    /// Whether exchanges are here that the broker tells of itself by.
    pub(super) is_home: AtomicBool,
}

impl Vhost {
    pub(super) fn new(name: VhostName, common: Arc<Common>) -> Arc<Self> {
        let table = Table::new();
        let generation = AtomicU64::new(table.generation());
        common.limits.exchanges_changed(0, table.exchange_count());
        let (policies, histories) = (Policies::default(), Histories::default());
        let windows = Windows::new(name.clone(), Arc::clone(&common));
        let (table, default_type) = (RwLock::new(table), DefaultType::default());
        let deleted = AtomicBool::new(false);
        Arc::new_cyclic(|me| Self {
            name,
            common,
            me: Weak::clone(me),
            table,
            lookers: AtomicUsize::new(0),
            is_swept: AtomicBool::new(false),
            generation,
            policies,
            histories,
            windows,
            default_type,
            deleted,
            forgotten: AtomicBool::new(false),
            direct_replies: DirectReplies::default(),
            flows: Flows::default(),
            dropped_delayed: AtomicU64::new(0),
            tracing: AtomicBool::new(false),
            is_home: AtomicBool::new(false),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &VhostName {
        &self.name
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn table(&self) -> RwLockReadGuard<'_, Table<Arc<Cell>>> {
        // A panic under the write lock is a broken invariant of the table; readers still see whole maps.
        match self.table.try_read() {
            Ok(table) => return table,
            Err(TryLockError::Poisoned(table)) => return table.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
        self.lookers.fetch_add(1, Ordering::SeqCst);
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        self.lookers.fetch_sub(1, Ordering::SeqCst);
        table
    }

    /// The lock is not fair: who makes one change after the other would take it again before anybody who
    /// waits for a look is awake. So lookers go first, within bounds.
    pub(super) fn table_to_change(&self) -> RwLockWriteGuard<'_, Table<Arc<Cell>>> {
        for _ in 0..LOOKERS_FIRST_YIELDS_MAX {
            if self.lookers.load(Ordering::SeqCst) == 0 {
                break;
            }
            thread::yield_now();
        }
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the table and makes the change visible to publishers' caches. What exchanges delayed that
    /// went with it is dropped.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Table<Arc<Cell>>) -> T) -> T {
        let mut table = self.table_to_change();
        let exchanges = table.exchange_count();
        let result = change(&mut table);
        self.common.limits.exchanges_changed(exchanges, table.exchange_count());
        self.generation.store(table.generation(), Ordering::Release);
        let orphans = table.take_orphans();
        self.note_wanted(&table);
        let has_fallen = table.has_fallen();
        drop(table);
        if has_fallen && let Some(me) = self.me.upgrade() {
            Sweeping::begin(me);
        }
        self.drop_delayed(orphans);
        result
    }

    /// A queue is gone: its name is free again. Another queue of the same name, declared meanwhile,
    /// stays. `done` is told when the definitions on disk have forgotten it too, or why not.
    ///
    /// The change is handed in while the table is locked, so a later declare of the name comes after it
    /// on disk as well.
    pub(super) fn queue_deleted(
        &self,
        info: &QueueInfo,
        done: impl FnOnce(Result<(), String>) + Send + 'static,
    ) {
        let name = info.name.clone();
        let done = move |stored: Result<(), String>| {
            if let Err(error) = &stored {
                tracing::error!(queue = %name, error = %error, "a deletion was not stored; the queue comes back after a restart");
            }
            done(stored);
        };
        self.change(|table| {
            let is_it =
                table.queue(info.name.as_str()).is_some_and(|cell| cell.info().id == info.id);
            let removed = if is_it { table.remove_queue(info.name.as_str()) } else { None };
            let deleter = self.common.notices.deleters.answered(info.id);
            let changes = removed.map_or_else(Vec::new, |removed| {
                self.tell_removed(&removed, None);
                let (vhost, queue) = (&self.name, &info.name);
                let by = deleter.unwrap_or_default();
                self.common.tell(&by, || Occurrence::QueueDeleted {
                    vhost: vhost.clone(),
                    queue: queue.clone(),
                });
                self.common.churn.queues_deleted.one_more();
                self.common.limits.queue_removed();
                self.histories.forget(&self.common, &removed);
                self.windows.forget(&removed);
                // The definitions forgot it with its virtual host, and may have another one of this name by now.
                if self.forgotten.load(Ordering::SeqCst) {
                    return Vec::new();
                }
                keeping::delete(&self.name, &removed, Some(info))
            });
            keeping::keep(&self.common, changes, done);
        });
    }

    /// 530 when the virtual host is being deleted. Asked under the table's write lock by everything that
    /// adds to it, so that its deletion, which looks at the table later, finds all there is.
    pub(super) fn check_alive(&self) -> Result<(), Refused> {
        if self.deleted.load(Ordering::SeqCst) {
            return refuse(ReplyCode::NotAllowed, format!("vhost '{}' is deleted", self.name));
        }
        Ok(())
    }

    /// What the definitions have of everything in it, to be taken away.
    pub(super) fn everything_stored(&self) -> Vec<store::Change> {
        self.stored_in(&self.table())
    }

    /// The same, for whoever takes it away: what is deleted from here on is taken away with it and no
    /// second time.
    pub(super) fn forget_everything_stored(&self) -> Vec<store::Change> {
        let table = self.table();
        // Deletions look while they have the table to themselves, so they come before the list or know of it.
        self.forgotten.store(true, Ordering::SeqCst);
        self.stored_in(&table)
    }

    fn stored_in(&self, table: &Table<Arc<Cell>>) -> Vec<store::Change> {
        let vhost = || self.name.clone();
        let bindings =
            table.bindings().flat_map(|binding| keeping::put_binding(&self.name, table, &binding));
        let bindings = bindings.filter_map(|change| match change {
            store::Change::PutBinding(record) => Some(store::Change::DeleteBinding(record)),
            _ => None,
        });
        let queues = table.queues().filter(|(_, cell)| cell.info().is_stored());
        let queues = queues
            .map(|(name, _)| store::Change::DeleteQueue { vhost: vhost(), name: name.clone() });
        let exchanges = table.exchanges().filter(|exchange| exchange.durable);
        let exchanges = exchanges.map(|exchange| store::Change::DeleteExchange {
            vhost: vhost(),
            name: exchange.name.clone(),
        });
        let mut changes: Vec<_> = bindings.chain(queues).chain(exchanges).collect();
        changes.extend(self.policies_stored());
        changes
    }

    /// 403 unless the peer may use these routing keys of a topic exchange; of other exchanges every one.
    pub(super) fn permit_topics(
        &self,
        peer: &Peer,
        action: Action,
        exchange: &str,
        keys: &[&[u8]],
    ) -> Result<(), Refused> {
        let is_topic = || {
            let kind = self.table().exchange(exchange).map(|exchange| exchange.kind);
            kind == Some(ExchangeKind::Topic)
        };
        let refused = match &peer.rights {
            Rights::All => return Ok(()),
            Rights::OfUser => {
                let accounts = &self.common.accounts;
                let found = accounts.directory(|all| {
                    all.topic_permissions(&peer.user, &self.name, exchange).cloned()
                });
                let Some(permissions) = found.filter(|_| is_topic()) else { return Ok(()) };
                keys.iter().find(|key| !permissions.allow(action, key))
            }
            _ if !is_topic() => return Ok(()),
            Rights::Token(token) => {
                let may = |key: &[u8]| token.scopes.allow_topic(&self.name, action, exchange, key);
                keys.iter().find(|key| !may(key))
            }
            Rights::Asked(asked) => {
                let may = |key: &[u8]| {
                    let (vhost, exchange) = (self.name.clone(), exchange.to_owned());
                    let routing_key = key.to_vec();
                    asked.look(Question::Topic { vhost, exchange, routing_key, action })
                };
                // Every one is asked for, so that what is not known is open together.
                let answers: Vec<_> = keys.iter().map(|key| may(key)).collect();
                let of_key = |answer| answers.iter().position(|one| *one == answer);
                of_key(Some(false)).or(of_key(None)).map(|at| &keys[at])
            }
        };
        match refused {
            None => Ok(()),
            Some(key) => refuse(
                ReplyCode::AccessRefused,
                format!(
                    "{action} access to topic '{}' in exchange '{exchange}' in vhost '{}' refused \
                     for user '{}'",
                    String::from_utf8_lossy(key),
                    self.name,
                    peer.user
                ),
            ),
        }
    }

    /// Any one permission is enough to ask whether something is there; the refusal names `configure`
    /// (rabbitmq: since 4.3.1, where 4.3.0 wanted `configure` and 4.2 nothing).
    pub(super) fn permit_passive(
        &self,
        peer: &Peer,
        resource: Resource<'_>,
    ) -> Result<(), Refused> {
        let mut others = [Action::Read, Action::Write].into_iter();
        if others.any(|action| self.permit(peer, action, resource).is_ok()) {
            return Ok(());
        }
        self.permit(peer, Action::Configure, resource)
    }

    /// 403 unless the peer may do this.
    pub(super) fn permit(
        &self,
        peer: &Peer,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(), Refused> {
        let name = resource.permission_name();
        let may = match &peer.rights {
            Rights::All => true,
            Rights::OfUser => {
                let accounts = &self.common.accounts;
                accounts.directory(|all| all.check(&peer.user, &self.name, action, name))
            }
            Rights::Token(token) => token.scopes.allow(&self.name, action, name),
            Rights::Asked(asked) => {
                let (vhost, name) = (self.name.clone(), name.to_owned());
                let kind = resource.kind();
                asked.look(Question::Resource { vhost, kind, name, action }) == Some(true)
            }
        };
        if may {
            return Ok(());
        }
        let kind = resource.kind().as_str();
        refuse(
            ReplyCode::AccessRefused,
            format!(
                "{action} access to {kind} '{name}' in vhost '{}' refused for user '{}'",
                self.name, peer.user
            ),
        )
    }
}

/// A thing with a name, for permissions.
#[derive(Clone, Copy)]
pub(super) enum Resource<'a> {
    Exchange(&'a str),
    Queue(&'a str),
}

impl<'a> Resource<'a> {
    /// The name that permissions are matched against: the default exchange has one here.
    fn permission_name(self) -> &'a str {
        match self {
            Self::Exchange("") => "amq.default",
            Self::Exchange(name) | Self::Queue(name) => name,
        }
    }

    fn kind(self) -> ResourceKind {
        match self {
            Self::Exchange(_) => ResourceKind::Exchange,
            Self::Queue(_) => ResourceKind::Queue,
        }
    }
}
