//! Files of text, written into a folder.

use std::fs;
use std::io;
use std::path::Path;

/// A name and what the file holds.
pub(super) type TextFile = (String, String);

/// Writes all of them; the folder is made.
pub(super) fn write_all(folder: &Path, files: &[TextFile]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, text) in files {
        write(&folder.join(name), text)?;
    }
    Ok(())
}

/// Written whole or not at all: whoever reads the folder meanwhile reads no half of a file.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path))
}
