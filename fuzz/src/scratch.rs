//! Files for what the program reads from a folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

thread_local! {
    /// One folder a thread, removed with it.
    static FOLDER: TempDir = tempfile::tempdir().expect("there is room for a temporary folder");
}

/// Writes a file into this thread's folder and returns where it is. It replaces the one of before.
pub fn write(name: &str, content: &[u8]) -> PathBuf {
    FOLDER.with(|folder| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a temporary file can be written");
        path
    })
}

/// The folder of a file that [`write()`] wrote.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}
