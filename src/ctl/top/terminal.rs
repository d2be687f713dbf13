//! The terminal of the process, in raw mode and with a screen of its own while it is held. It is put
//! back when it is dropped, and before a panic is told.

use std::io::{self, IsTerminal as _, PipeReader, PipeWriter};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};
use rustix::stdio;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::screen::Size;

/// Whether there is somebody to look at it and to press keys.
pub(in crate::ctl) fn is_on_terminal(kind: Option<&str>) -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && kind != Some("dumb")
}

/// The terminal while it is held.
pub(super) struct Terminal {
    keys: Receiver<Vec<u8>>,
    /// Closing it ends the thread.
    end: Option<PipeWriter>,
    reader: Option<JoinHandle<()>>,
    before: Arc<Before>,
    shown: String,
}

/// How the terminal was.
struct Before {
    termios: Termios,
    is_restored: AtomicBool,
}

impl Before {
    /// Puts it back, once: what was told since must stay. A terminal that is gone needs nothing.
    fn restore(&self) {
        if self.is_restored.swap(true, Ordering::Relaxed) {
            return;
        }
        let _ = write_all(LEAVE);
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Now, &self.termios);
    }
}

impl Terminal {
    /// Takes the terminal of standard input and output.
    pub(super) fn hold() -> io::Result<Self> {
        let termios = tcgetattr(stdio::stdin())?;
        let is_restored = AtomicBool::new(false);
        let before = Arc::new(Before { termios: termios.clone(), is_restored });
        let mut raw = termios;
        raw.make_raw();
        tcsetattr(stdio::stdin(), OptionalActions::Now, &raw)?;
        // From here on whatever goes wrong puts it back.
        let (send, keys) = channel(READS_MAX);
        let (ended, end) = io::pipe()?;
        let mut held = Self { keys, end: Some(end), reader: None, before, shown: String::new() };
        // What a panic says must be seen, and on the screen that stays.
        let (earlier, before) = (panic::take_hook(), Arc::clone(&held.before));
        panic::set_hook(Box::new(move |told| {
            before.restore();
            earlier(told);
        }));
        write_all(ENTER)?;
        let reader = thread::Builder::new().name("keys".to_owned());
        held.reader = Some(reader.spawn(move || read_keys(&ended, &send))?);
        Ok(held)
    }

    /// How large it is now; the size of a VT100 when it does not say.
    pub(super) fn size() -> Size {
        let told = tcgetwinsize(stdio::stdout()).ok();
        let told = told.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        told.map_or(Size { columns: 80, lines: 24 }, |size| Size {
            columns: size.ws_col.into(),
            lines: size.ws_row.into(),
        })
    }

    /// Writes a screen, unless it is there already.
    pub(super) fn draw(&mut self, screen: String) -> io::Result<()> {
        if screen == self.shown {
            return Ok(());
        }
        write_all(&screen)?;
        self.shown = screen;
        Ok(())
    }

    /// The next screen is written whatever was there.
    pub(super) fn forget(&mut self) {
        self.shown.clear();
    }

    /// Stops the process as Ctrl-Z does, with the terminal as it was; comes back when somebody lets it go on. The main
    /// thread calls it: the kernel gives it the signal before any other, so that nothing below is done before the stop.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        let raw = tcgetattr(stdio::stdin())?;
        write_all(LEAVE)?;
        tcsetattr(stdio::stdin(), OptionalActions::Now, &self.before.termios)?;
        kill_current_process_group(Signal::TSTP)?;
        tcsetattr(stdio::stdin(), OptionalActions::Now, &raw)?;
        write_all(ENTER)?;
        self.forget();
        Ok(())
    }

    /// Waits for keys, at least a byte of one; `None` when the terminal is gone. May be given up and
    /// called again.
    pub(super) async fn read(&mut self) -> Option<Vec<u8>> {
        self.keys.recv().await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.before.restore();
        if !thread::panicking() {
            // The hook that was there before is inside this one and cannot be taken out. The process is
            // about to end, and the standard one tells what it has to tell as well.
            drop(panic::take_hook());
        }
        self.keys.close();
        self.end = None;
        if let Some(reader) = self.reader.take() {
            // One that panicked has ended too.
            let _ = reader.join();
        }
    }
}

/// Reads standard input until nobody wants it or it is gone. It stays as it is (blocking): whoever
/// started this process shares it.
fn read_keys(ended: &PipeReader, keys: &Sender<Vec<u8>>) {
    loop {
        let input = PollFd::from_borrowed_fd(stdio::stdin(), PollFlags::IN);
        let mut asked = [input, PollFd::new(ended, PollFlags::IN)];
        match poll(&mut asked, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) if !asked[1].revents().is_empty() => return,
            Ok(_) => {}
        }
        let mut bytes = vec![0; READ_BYTES];
        match rustix::io::read(stdio::stdin(), &mut bytes) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) | Ok(0) => return,
            Ok(len) => {
                bytes.truncate(len);
                if keys.blocking_send(bytes).is_err() {
                    return;
                }
            }
        }
    }
}

fn write_all(text: &str) -> io::Result<()> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(stdio::stdout(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::from_borrowed_fd(stdio::stdout(), PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The other screen, and no cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
/// No style, the cursor, and the screen of before.
const LEAVE: &str = "\x1b[0m\x1b[?25h\x1b[?1049l";
/// Reads that wait to be worked off; a person is slower, and a paste waits in the terminal.
const READS_MAX: usize = 8;
/// A person types less, and a paste is read in pieces.
const READ_BYTES: usize = 1024;
