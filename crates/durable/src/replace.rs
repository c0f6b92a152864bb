//! Files that are the old one or the new one at every moment, whatever ends the program meanwhile.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Makes `bytes` the content of the file `name` in `folder`, for this user's eyes only, and makes
/// the folder if it is missing: a temporary file, synced, renamed, and the folder synced. Blocks
/// for as long as the disk takes.
///
/// # Errors
/// The system's. The old file is whole then.
pub fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = prepare(folder, name, bytes)?;
    fs::rename(temporary, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// The temporary file, whole and synced.
fn prepare(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let temporary = folder.join(format!("{name}.tmp"));
    // Left by a crash: made anew, so that it has our mode and nobody else's content.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}
