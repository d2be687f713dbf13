//! Opens what must survive: the definitions and the message log of a data folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::access::{PasswordError, User};
use crate::base::UserName;
use crate::base::limits::{LOG_ROOM_BYTES, LOG_WAITING_BYTES_MAX};
use crate::broker::{AccountError, Accounts, Broker, BrokerStorage, user_record};
use crate::config::{DefaultUser, Durability, Settings, Storage};
use crate::disk_alarm::DiskAlarm;
use crate::store::{
    self, Change, Definitions, DiskLayer, LogOptions, LogStatus, MetadataOptions, Recovered,
    SegmentLog, SledMetadata,
};

/// How often the log is ticked: it writes what nobody waits for, and looks whether a full disk has room.
const TICK: Duration = Duration::from_millis(200);

/// Why the data folder cannot be used. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    #[error("{0}")]
    Definitions(#[from] store::StoreError),
    #[error("the message log in {path}: {error}")]
    Log { path: PathBuf, error: store::LogError },
    #[error("the folder {path} cannot be created: {cause}")]
    Folder { path: PathBuf, cause: std::io::Error },
    #[error("the store of definitions ended before it stored the default user")]
    Ended,
    #[error("users and permissions of the definitions: {0}")]
    Accounts(#[from] AccountError),
    #[error("the default user '{user}': {cause}")]
    DefaultUser { user: UserName, cause: PasswordError },
    #[error("the data folder was not closed cleanly: {0}")]
    NotClosed(String),
    #[error("no random numbers for the message log: {0}")]
    Random(getrandom::Error),
}

/// Both stores of a data folder, and who is told when the log takes nothing more.
pub(crate) struct OpenStorage {
    pub(crate) definitions: Definitions,
    pub(crate) stores: BrokerStorage,
    pub(crate) alarm: Arc<DiskAlarm>,
    folder: PathBuf,
}

/// Opens the data folder; `None` for a broker that keeps nothing.
pub(crate) fn open(settings: &Settings) -> Result<Option<OpenStorage>, StorageError> {
    let Storage::Directory(folder) = &settings.storage else { return Ok(None) };
    let opened = SledMetadata::open(&folder.join("definitions"), MetadataOptions::default())?;
    for warning in &opened.report.warnings {
        tracing::error!("{warning}");
    }
    for note in &opened.report.notes {
        tracing::info!("{note}");
    }
    let alarm = DiskAlarm::new(settings.disk.free_bytes_min);
    let (log, recovered) = open_log(&folder.join("messages"), settings, Arc::clone(&alarm))?;
    say(&recovered);
    let stores = BrokerStorage { metadata: Arc::new(opened.store), log: Arc::new(log) };
    let folder = folder.clone();
    Ok(Some(OpenStorage { definitions: opened.definitions, stores, alarm, folder }))
}

impl OpenStorage {
    /// The broker is there: it hears of the log from now on.
    pub(crate) fn attach(&self, broker: &Arc<Broker>) {
        self.alarm.ask_log(|| self.stores.log.status() != LogStatus::Healthy);
        self.alarm.attach(broker);
        self.alarm.watch(&self.folder);
        let log = Arc::clone(&self.stores.log);
        let clock = Arc::clone(broker.clock());
        // Ends with the runtime: a tick that does not come is made up for by `close`.
        drop(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                log.tick(clock.now());
            }
        }));
    }

    /// Everything is written; the next start need not scan. Both stores are closed even when one of
    /// them fails, and all that failed is one error.
    pub(crate) fn close(&self) -> Result<(), StorageError> {
        let log = self.stores.log.close().err().map(|error| error.to_string());
        let metadata = self.stores.metadata.close().err().map(|error| error.to_string());
        let failed: Vec<String> = log.into_iter().chain(metadata).collect();
        if failed.is_empty() { Ok(()) } else { Err(StorageError::NotClosed(failed.join("; "))) }
    }

    /// The users and permissions of the definitions. A new folder, without any user and virtual host, gets the
    /// default user, which is stored. Where somebody deleted every user, a well-known one must not come back.
    pub(crate) fn accounts(&self, default: &DefaultUser) -> Result<Accounts, StorageError> {
        if self.definitions.users.is_empty() && self.definitions.vhosts.is_empty() {
            self.store_default(default)?;
        }
        Ok(Accounts::new(self.stores.metadata.load())?)
    }

    fn store_default(&self, default: &DefaultUser) -> Result<(), StorageError> {
        let changes = default_user(default)?;
        say_default(default);
        let (told, hears) = std::sync::mpsc::channel();
        // Nobody is served yet, so the start may wait for the disk.
        self.stores.metadata.apply(
            changes,
            Box::new(move |result| {
                let _ = told.send(result);
            }),
        );
        match hears.recv() {
            Ok(result) => Ok(result?),
            Err(_) => Err(StorageError::Ended),
        }
    }
}

fn open_log(
    folder: &Path,
    settings: &Settings,
    alarm: Arc<DiskAlarm>,
) -> Result<(SegmentLog, Recovered), StorageError> {
    let error = |error| StorageError::Log { path: folder.to_path_buf(), error };
    let layer = DiskLayer::create(folder)
        .map_err(|cause| StorageError::Folder { path: folder.to_path_buf(), cause })?;
    let salt = getrandom::u64().map_err(StorageError::Random)?;
    let durability = match settings.durability {
        Durability::Fsync => store::Durability::Fsync,
        Durability::Os => store::Durability::Os,
    };
    let options = LogOptions {
        durability,
        waiting_bytes_high: LOG_WAITING_BYTES_MAX,
        waiting_bytes_room: LOG_ROOM_BYTES,
        ..LogOptions::with_salt(salt)
    };
    let shown = folder.display().to_string();
    let on_status = Box::new(move |status: &LogStatus| {
        match status {
            LogStatus::Healthy => tracing::info!("the disk takes messages again, publishers go on"),
            LogStatus::Full { .. } => tracing::error!(
                path = %shown,
                "the disk is full: publishers are blocked until there is room, consumers go on"
            ),
            LogStatus::Failed { reason } => tracing::error!(
                path = %shown,
                error = reason,
                "the message log failed: nothing more is confirmed; mend the disk and restart the broker"
            ),
        }
        alarm.set_log(*status != LogStatus::Healthy);
    });
    SegmentLog::open(Arc::new(layer), options, on_status).map_err(error)
}

/// What recovery found that somebody may want to know. Damages were logged where they were found.
fn say(recovered: &Recovered) {
    if let Some(cut) = &recovered.cut {
        tracing::info!(cut = %cut, "an unfinished write of the last process was cut off");
    }
    if recovered.lost_messages > 0 {
        tracing::error!(
            messages = recovered.lost_messages,
            "messages are lost: their segment is not there any more"
        );
    }
    if recovered.unclean && recovered.queues.iter().any(|queue| queue.messages > 0) {
        tracing::info!(
            "the last process did not close the message log: what it handed out last is not known, so its \
             messages come back marked redelivered"
        );
    }
    tracing::debug!(records = recovered.replayed_records, "message log recovered");
}

/// RabbitMQ makes no default user when it loads definitions; here there is one all the same, and the log
/// says so.
pub(crate) fn say_default(default: &DefaultUser) {
    tracing::info!(
        user = %default.name,
        vhost = %default.vhost,
        "there are no users yet: the default user and virtual host are made"
    );
}

/// The user that a new broker begins with; its virtual host the broker makes itself, with its seeds.
pub(crate) fn default_user(default: &DefaultUser) -> Result<Vec<Change>, StorageError> {
    let user = User::with_password(
        default.name.clone(),
        default.password.0.as_bytes(),
        default.tags.clone(),
    );
    let user =
        user.map_err(|cause| StorageError::DefaultUser { user: default.name.clone(), cause })?;
    Ok(vec![
        Change::PutUser(user_record(&user)),
        Change::PutPermission(store::Permission {
            user: default.name.clone(),
            vhost: default.vhost.clone(),
            configure: default.configure.clone(),
            write: default.write.clone(),
            read: default.read.clone(),
        }),
    ])
}
