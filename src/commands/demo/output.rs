//! Lines on standard output.

use std::io::Write as _;

use anyhow::Context as _;

/// Prints a line at once.
///
/// # Errors
/// When standard output is gone.
pub(super) fn print_line(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("standard output is gone")
}
