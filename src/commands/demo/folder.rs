//! The cameras' state and logs while the demo runs: a folder of its own, gone with it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A temporary folder that only this user can read, removed when dropped.
pub(super) struct DemoFolder(PathBuf);

impl DemoFolder {
    /// A new one among the temporary files, under a name that nobody can foresee.
    ///
    /// # Errors
    /// When it cannot be made, or the kernel has no randomness.
    pub(super) fn make() -> anyhow::Result<Self> {
        let name = format!("porthole-demo-{:016x}", getrandom::u64()?);
        let path = std::env::temp_dir().join(name);
        make_private(&path)?;
        Ok(Self(path))
    }

    /// A folder in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn subfolder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        make_private(&path)?;
        Ok(path)
    }
}

fn make_private(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .with_context(|| format!("making {}", path.display()))
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        if let Err(why) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%why, folder = %self.0.display(), "left behind");
        }
    }
}
