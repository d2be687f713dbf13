//! The loop: looks at the broker, draws, and listens to keys, all three at once, so that a broker that
//! does not answer holds up no key.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::explained::Panel;
use super::keys::Keys;
use super::look::Look;
use super::query::{Named, Query, Wanted};
use super::screen::{room_for_rows, screen};
use super::source::{Source, explain, look};
use super::state::{State, Trouble, Wish, title};
use super::terminal::Terminal;

/// What was asked, and what came of it.
enum Told<E> {
    Look(Query, Result<Box<Look>, E>),
    Explain(Named, Result<Value, E>),
}

/// The source with its answer: it answers one question at a time.
type Asking<'a, S, E> = Pin<Box<dyn Future<Output = (S, Told<E>)> + 'a>>;

/// Shows a broker until somebody has seen enough; the source comes back, unless it was being asked.
/// The first look is made before the terminal is touched: its error is the outer one.
pub(in crate::ctl) async fn watch<S: Source>(
    mut source: S,
    wanted: &Wanted,
) -> Result<io::Result<()>, S::Error> {
    let mut state = State::new(wanted);
    let query = state.query();
    let first = look(&mut source, &query).await?;
    state.seen(&query, first);
    Ok(run(source, state, wanted.colours).await)
}

async fn run<S: Source>(source: S, state: State, colours: bool) -> io::Result<()> {
    let mut ends = Ends::listen()?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut keys = Keys::default();
    let mut terminal = Terminal::hold()?;
    let mut watch = Watch::new(source, state);
    loop {
        watch.ask_what_is_wanted(Terminal::size());
        terminal.draw(watch.drawn(Terminal::size(), colours))?;
        let due = watch.due;
        tokio::select! {
            () = ends.any() => return Ok(()),
            _ = resized.recv() => terminal.forget(),
            read = terminal.read() => {
                let Some(bytes) = read else {
                    // The terminal is gone, and nobody looks any more.
                    return Ok(());
                };
                for key in keys.read(&bytes) {
                    match watch.state.press(key) {
                        Wish::Nothing => {}
                        Wish::Look => watch.is_look_wanted = true,
                        Wish::Explain(named) => watch.explain_wanted = Some(named),
                        Wish::Redraw => terminal.forget(),
                        Wish::Suspend => terminal.suspend()?,
                        Wish::Quit => return Ok(()),
                    }
                }
            }
            answered = answer(&mut watch.asking) => watch.take(answered),
            () = sleep_until(due) => watch.wake(),
        }
    }
}

/// Signals that end it.
struct Ends([Signal; 3]);

impl Ends {
    fn listen() -> io::Result<Self> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The answer to what was asked; never, when nothing was.
async fn answer<S, E>(asking: &mut Option<Asking<'_, S, E>>) -> (S, Told<E>) {
    match asking {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}

/// What is shown, and what is on its way.
struct Watch<'a, S: Source> {
    state: State,
    /// Not while it is asked.
    source: Option<S>,
    asking: Option<Asking<'a, S, S::Error>>,
    is_look_wanted: bool,
    explain_wanted: Option<Named>,
    /// The last look that succeeded.
    seen_at: Instant,
    /// The last one that ended.
    looked_at: Instant,
    /// When something is to be done without a key.
    due: Instant,
}

impl<'a, S: Source + 'a> Watch<'a, S> {
    fn new(source: S, state: State) -> Self {
        let now = Instant::now();
        Self {
            state,
            source: Some(source),
            asking: None,
            is_look_wanted: false,
            explain_wanted: None,
            seen_at: now,
            looked_at: now,
            due: now,
        }
    }

    /// Asks for what was wished for, one thing after the other.
    fn ask_what_is_wanted(&mut self, size: super::screen::Size) {
        if self.state.make_room(room_for_rows(&self.state, size)) {
            self.is_look_wanted = true;
        }
        let next_look = self.looked_at + Duration::from_secs(self.state.interval_s);
        // While nobody answers, the screen says each second for how long.
        let soon = Instant::now() + SECOND;
        self.due = match (&self.state.trouble, self.state.is_paused) {
            _ if self.asking.is_some() => soon,
            (_, true) => Instant::now() + PAUSE,
            (Some(_), false) => next_look.min(soon),
            (None, false) => next_look,
        };
        if let Some(named) = self.explain_wanted.take_if(|_| self.source.is_some()) {
            let source = self.source.take();
            self.asking = source.map(|source| explaining(source, named));
        } else if self.is_look_wanted
            && let Some(source) = self.source.take()
        {
            self.is_look_wanted = false;
            self.asking = Some(looking(source, self.state.query()));
        }
    }

    /// The time has come for what no key asked for.
    fn wake(&mut self) {
        let now = Instant::now();
        let is_time = now >= self.looked_at + Duration::from_secs(self.state.interval_s);
        if is_time && !self.state.is_paused && self.asking.is_none() {
            self.is_look_wanted = true;
        }
        if let Some(trouble) = &mut self.state.trouble {
            trouble.age_s = now.duration_since(self.seen_at).as_secs();
        }
    }

    fn take(&mut self, (source, told): (S, Told<S::Error>)) {
        (self.source, self.asking) = (Some(source), None);
        match told {
            Told::Look(query, Ok(look)) => {
                self.looked_at = Instant::now();
                self.seen_at = self.looked_at;
                self.state.seen(&query, *look);
            }
            Told::Look(_, Err(error)) => {
                self.looked_at = Instant::now();
                let age_s = self.looked_at.duration_since(self.seen_at).as_secs();
                self.state.trouble = Some(Trouble { reason: error.to_string(), age_s });
            }
            Told::Explain(named, Ok(document)) => {
                self.state.explained(Panel::of(title(&named), &document));
            }
            Told::Explain(named, Err(error)) => {
                let line = format!("The broker does not say: {error}");
                self.state.explained(Panel::saying(title(&named), line));
            }
        }
    }

    fn drawn(&mut self, size: super::screen::Size, colours: bool) -> String {
        screen(&mut self.state, size).written(colours)
    }
}

fn looking<'a, S: Source + 'a>(mut source: S, query: Query) -> Asking<'a, S, S::Error> {
    Box::pin(async move {
        let answered = look(&mut source, &query).await;
        (source, Told::Look(query, answered.map(Box::new)))
    })
}

fn explaining<'a, S: Source + 'a>(mut source: S, named: Named) -> Asking<'a, S, S::Error> {
    Box::pin(async move {
        let answered = explain(&mut source, &named).await;
        (source, Told::Explain(named, answered))
    })
}

const SECOND: Duration = Duration::from_secs(1);

/// Longer than any pause; a key ends it.
const PAUSE: Duration = Duration::from_secs(3600);
