//! `porthole reset-passwords`: the passwords of the settings count again.

use super::config::Config;
use super::healthcheck;
use crate::auth::unix_now;
use crate::durable::StateFile;

/// Writes into the state file that the passwords which were set over HTTP count no more, and that
/// all sessions and tokens have ended. The other cameras of the site hear of it when this one runs.
///
/// # Errors
/// A camera with these settings is running, which would write over it; or the state file cannot be
/// written.
pub fn run(config: &Config) -> anyhow::Result<i32> {
    let settings = config.load()?;
    if healthcheck::run(config).is_ok() {
        anyhow::bail!("the camera is running: stop it first, or it writes its own state over this");
    }
    let file = StateFile::new(&settings.node.data_dir);
    let (mut state, _) = file.load()?;
    state.reset_passwords(unix_now().saturating_mul(1000));
    file.save(&state)?;
    let admin = if settings.auth.admin_password.is_some() {
        "auth.admin_password of the settings"
    } else {
        "one that the log tells at the next start"
    };
    println!(
        "From the next start on the passwords of the settings count: the admin's is {admin}. All \
         sessions and tokens have ended. The other cameras with the same site.key hear of it from \
         this one: their own settings count there."
    );
    Ok(0)
}
