//! Asks the rest of this folder, with the clock, the threads and the locks that they do without.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::first_start::Own;
use super::password::{self, is_right};
use super::proven::{Edition, Proven};
use super::throttle::{Charge, Outcome, Throttle};
use super::{Access, Claims, Purpose, Rejected, Signer};
use crate::lan::ClientNetwork;
use crate::settings::{Secret, Settings};
use crate::site::{AuthState, AuthStateCell, Passwords, SessionId};
use porthole_types::InstanceId;
use porthole_types::forget_oldest;

/// Passwords that are hashed at a time: each takes 19 MiB.
const AT_ONCE: usize = 2;

/// Those that may wait for a place, and how long.
const WAITING: usize = 32;
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest password that is looked at, in bytes: the longest that the settings take.
const LONGEST: usize = 1024;

/// Passes for entering that are remembered as used; each for a minute.
const MOST_USED: usize = 1024;

/// Decides who may. One for each server.
pub struct Authority {
    signer: Signer,
    reach: Reach,
    viewer: Option<Arc<Stored>>,
    admin: Option<Arc<Stored>>,
    proven: Mutex<Proven>,
    throttle: Arc<Mutex<Throttle>>,
    hashing: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    used: Mutex<BTreeMap<u64, u64>>,
}

/// How far a login carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// To every camera with the same site key.
    Site,
    /// To this camera only: it has no site key.
    ThisCamera,
}

/// A password by its hash, or one of the settings, which is hashed when it is first asked for: a
/// start does not wait.
enum Stored {
    Hash(String),
    Plain {
        password: Secret,
        hash: OnceLock<String>,
    },
}

/// Why credentials were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// They are wrong.
    #[error("user name or password is wrong")]
    Wrong,
    /// They were not looked at.
    #[error("too many wrong tries; try again in {} s", .0.as_secs() + 1)]
    Wait(Duration),
    /// They could not be looked at now.
    #[error("too many people are logging in at this moment; try again in a few seconds")]
    Busy,
    /// They could not be looked at, for want of memory or worse.
    #[error("the password could not be checked; the log says more")]
    Broken,
}

/// New passwords, as somebody wants them.
pub struct Wanted {
    /// The admin's; none: as it is.
    pub admin: Option<String>,
    /// The viewer's.
    pub viewer: WantedViewer,
}

/// What becomes of the viewer's password.
pub enum WantedViewer {
    /// It stays.
    AsItIs,
    /// There is none any more.
    None,
    /// This one.
    New(String),
}

impl Stored {
    fn is(&self, password: &str) -> Result<bool, argon2::password_hash::Error> {
        Ok(is_right(password, self.hash()?))
    }

    fn hash(&self) -> Result<&str, argon2::password_hash::Error> {
        match self {
            Self::Hash(hash) => Ok(hash),
            Self::Plain { password, hash } => match hash.get() {
                Some(hash) => Ok(hash),
                None => {
                    let made = password::hash(password.expose())?;
                    Ok(hash.get_or_init(|| made))
                }
            },
        }
    }
}

/// A try that is under way; one that nobody says anything of when it is dropped was not looked at.
struct Try {
    throttle: Arc<Mutex<Throttle>>,
    from: IpAddr,
    charge: Charge,
    outcome: Outcome,
}

impl Try {
    fn went(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        lock(&self.throttle).end(self.from, self.charge, self.outcome, Instant::now());
    }
}

impl Authority {
    /// With the settings, and with what this camera keeps for itself ([`Own::prepare`] has been
    /// called).
    ///
    /// # Errors
    /// When the kernel has no randomness to give.
    pub fn new(settings: &Settings, own: &Own) -> Result<Self, getrandom::Error> {
        let mut random = [[0; 32]; 2];
        for bytes in &mut random {
            getrandom::fill(bytes)?;
        }
        let (signer, reach) = match (Signer::of_site(&settings.site), own.secret()) {
            (Some(signer), _) => (signer, Reach::Site),
            (None, Some(secret)) => (Signer::alone(secret.expose().as_bytes()), Reach::ThisCamera),
            // A state file that could not be written: sessions end with the process.
            (None, None) => (Signer::alone(&random[1]), Reach::ThisCamera),
        };
        let plain = |password: &Secret| {
            Arc::new(Stored::Plain {
                password: password.clone(),
                hash: OnceLock::new(),
            })
        };
        let auth = &settings.auth;
        let made = || Some(Arc::new(Stored::Hash(own.first_hash()?.to_owned())));
        Ok(Self {
            signer,
            reach,
            viewer: auth.viewer_password.as_ref().map(plain),
            admin: auth.admin_password.as_ref().map(plain).or_else(made),
            proven: Mutex::new(Proven::new(&random[0])),
            throttle: Arc::new(Mutex::new(Throttle::new(Instant::now()))),
            hashing: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            used: Mutex::new(BTreeMap::new()),
        })
    }

    /// How far a login carries.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether these are the credentials of now.
    ///
    /// # Errors
    /// Why they were not accepted. Wrong ones are held against the address.
    pub async fn prove(
        &self,
        auth_state: &AuthStateCell,
        user: &str,
        password: &str,
        from: IpAddr,
        network: ClientNetwork,
    ) -> Result<Access, Refused> {
        // Before anything is looked at, or the answer would tell right from wrong.
        if let Some(wait) = lock(&self.throttle).wait(from, Instant::now()) {
            return Err(Refused::Wait(wait));
        }
        let access = Access::of_user(user);
        let (stored, edition) = auth_state.with(|auth_state| self.stored(access, auth_state));
        if let Some(access) = access
            && lock(&self.proven).knows(access, password, edition)
        {
            return Ok(access);
        }
        let begun = lock(&self.throttle).begin(from, network, Instant::now());
        let attempt = Try {
            throttle: Arc::clone(&self.throttle),
            from,
            charge: begun.map_err(Refused::Wait)?,
            outcome: Outcome::Unknown,
        };
        let (Some(access), Some(stored)) = (access, stored) else {
            attempt.went(Outcome::Wrong);
            return Err(Refused::Wrong);
        };
        if password.len() > LONGEST {
            attempt.went(Outcome::Wrong);
            return Err(Refused::Wrong);
        }
        let turn = self.turn().await?;
        // Somebody before may have had the same ones.
        if lock(&self.proven).knows(access, password, edition) {
            attempt.went(Outcome::Right);
            return Ok(access);
        }
        let given = password.to_owned();
        // The try ends with the hashing, whether or not anybody still waits for the answer.
        let right = in_background(turn, move || {
            let right = stored.is(&given)?;
            attempt.went(if right {
                Outcome::Right
            } else {
                Outcome::Wrong
            });
            Ok(right)
        })
        .await?;
        if !right {
            return Err(Refused::Wrong);
        }
        lock(&self.proven).remember(access, password, edition);
        Ok(access)
    }

    /// A wrong try of another kind: a header that is nobody's.
    ///
    /// # Errors
    /// How long to wait, where there were too many.
    pub fn fail(&self, from: IpAddr, network: ClientNetwork) -> Result<(), Refused> {
        let mut throttle = lock(&self.throttle);
        let now = Instant::now();
        let charge = throttle.begin(from, network, now).map_err(Refused::Wait)?;
        throttle.end(from, charge, Outcome::Wrong, now);
        Ok(())
    }

    /// The passwords that are to count from now on. `current` is the admin's and has been proven.
    ///
    /// # Errors
    /// When they cannot be hashed now.
    pub async fn passwords(
        &self,
        auth_state: &AuthState,
        current: String,
        wanted: Wanted,
    ) -> Result<Passwords, Refused> {
        let turn = self.turn().await?;
        let (viewer, _) = self.stored(Some(Access::Viewer), auth_state);
        let before = auth_state
            .passwords
            .as_ref()
            .map_or(0, |set| set.changed_at);
        in_background(turn, move || {
            let admin = password::hash(&wanted.admin.unwrap_or(current))?;
            let viewer = match (wanted.viewer, viewer) {
                (WantedViewer::New(new), _) => Some(password::hash(&new)?),
                (WantedViewer::AsItIs, Some(stored)) => Some(stored.hash()?.to_owned()),
                (WantedViewer::AsItIs, None) | (WantedViewer::None, _) => None,
            };
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
            Ok(Passwords {
                // Later than the ones before, whatever the clock of whoever set them said.
                changed_at: now.max(before.saturating_add(1)),
                viewer,
                admin,
            })
        })
        .await
    }

    /// The signed text of these claims.
    pub fn sign(&self, claims: &Claims) -> String {
        self.signer.sign(claims)
    }

    /// What a session's cookie says, if it counts now.
    ///
    /// # Errors
    /// Why it does not.
    pub fn session(&self, text: &str, auth_state: &AuthStateCell) -> Result<Claims, Rejected> {
        self.read(text, auth_state, |purpose| {
            matches!(purpose, Purpose::Session)
        })
    }

    /// What a bearer's token says, if it counts now; a session is one too.
    ///
    /// # Errors
    /// Why it does not.
    pub fn bearer(&self, text: &str, auth_state: &AuthStateCell) -> Result<Claims, Rejected> {
        self.read(text, auth_state, |purpose| {
            matches!(purpose, Purpose::Session | Purpose::Token)
        })
    }

    /// Whether this pass is good for the pictures of camera `me`, for this visitor, now.
    ///
    /// # Errors
    /// Why it is not.
    pub fn pictures(
        &self,
        text: &str,
        auth_state: &AuthStateCell,
        me: InstanceId,
        from: IpAddr,
    ) -> Result<Claims, Rejected> {
        let good = Purpose::Pictures {
            camera: me,
            visitor: from,
        };
        self.read(text, auth_state, |purpose| *purpose == good)
    }

    /// The session that this pass opens at camera `me`, for this visitor, now; each pass once.
    ///
    /// # Errors
    /// Why it opens none.
    pub fn enter(
        &self,
        text: &str,
        auth_state: &AuthStateCell,
        me: InstanceId,
        from: IpAddr,
    ) -> Result<Claims, Rejected> {
        let pass = self.read(text, auth_state, |purpose| {
            matches!(purpose, Purpose::Enter { camera, visitor, .. } if *camera == me && *visitor == from)
        })?;
        let (Purpose::Enter { once, .. }, Some(session)) = (pass.purpose, pass.entered()) else {
            return Err(Rejected::Misused);
        };
        let mut used = lock(&self.used);
        let now = unix_now();
        used.retain(|_, ends| *ends > now);
        if used.insert(once, pass.expires).is_some() {
            return Err(Rejected::Ended);
        }
        forget_oldest(&mut used, MOST_USED, |ends| *ends);
        Ok(session)
    }

    fn read(
        &self,
        text: &str,
        auth_state: &AuthStateCell,
        good: impl FnOnce(&Purpose) -> bool,
    ) -> Result<Claims, Rejected> {
        let claims = self.signer.open(text)?;
        if !good(&claims.purpose) {
            return Err(Rejected::Misused);
        }
        auth_state.with(|auth_state| claims.check(unix_now(), auth_state))?;
        Ok(claims)
    }

    /// The password of this user, and since when: the one set over HTTP, the one of the settings,
    /// the one that was made.
    fn stored(
        &self,
        user: Option<Access>,
        auth_state: &AuthState,
    ) -> (Option<Arc<Stored>>, Edition) {
        let Some(user) = user else {
            return (None, None);
        };
        match (&auth_state.passwords, user) {
            (None, Access::Viewer) => (self.viewer.clone(), None),
            (None, Access::Admin) => (self.admin.clone(), None),
            (Some(set), user) => {
                let hash = match user {
                    Access::Viewer => set.viewer.clone(),
                    Access::Admin => Some(set.admin.clone()),
                };
                let stored = hash.map(|hash| Arc::new(Stored::Hash(hash)));
                (stored, Some(set.changed_at))
            }
        }
    }

    /// A place among those that hash; few wait for one, and not for long.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let _waiting = self.queue.try_acquire().map_err(|_| Refused::Busy)?;
        let turn = Arc::clone(&self.hashing).acquire_owned();
        match timeout(PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Refused::Busy),
        }
    }
}

/// A new session's or token's id.
///
/// # Errors
/// When the kernel has no randomness to give.
pub fn new_id() -> Result<SessionId, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(SessionId(u128::from_be_bytes(bytes)))
}

/// Seconds since 1970, by this camera's clock.
pub fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// Hashes on a thread of its own; the place is given back when it is done, not when nobody waits
/// any more.
async fn in_background<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    hash: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(move || {
        let done = hash();
        drop(turn);
        done
    });
    match done.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(%error, "a password could not be hashed");
            Err(Refused::Broken)
        }
        // The panic hook has logged it.
        Err(_) => Err(Refused::Broken),
    }
}

/// Each change of what is locked here is one call that cannot fail half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
