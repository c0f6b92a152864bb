//! [`Authority`] decides whether credentials, sessions, tokens and tickets count now.
//!
//! It puts together what the other files of this folder know ([the table](super)), with the clock,
//! the threads and the locks that they do without. It knows nothing of requests: which of them have
//! to show what is `http::access`.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use super::attempt::SharedThrottle;
use super::credential_cache::{CredentialCache, PasswordVersion};
use super::hashing::{HashingPool, hash_in_background};
use super::known_devices::KnownDevices;
use super::local_secrets::LocalSecrets;
use super::lock::lock;
use super::log_outs::LogOuts;
use super::lost_state::LostState;
use super::password;
use super::stored_password::StoredPassword;
use super::throttle::{AttemptClass, AttemptOutcome};
use super::unix_time::{unix_now, unix_now_millis};
use super::used_tickets::UsedTickets;
use super::{Access, Claims, ClaimsError, LoginError, Purpose, Signer};
use crate::lan::ClientNetwork;
use crate::settings::Settings;
use crate::site::{AuthState, Passwords, SharedAuthState};
use porthole_types::InstanceId;

/// The longest password that is looked at, in bytes: the longest that the settings take.
const MAX_PASSWORD_BYTES: usize = 1024;

/// Decides whose credentials count. One for each server.
pub struct Authority {
    signer: Signer,
    key_ids: Vec<String>,
    login_scope: LoginScope,
    viewer: Option<Arc<StoredPassword>>,
    admin: Option<Arc<StoredPassword>>,
    cache: Mutex<CredentialCache>,
    throttle: SharedThrottle,
    known_devices: Mutex<KnownDevices>,
    hashing: HashingPool,
    used_tickets: Mutex<UsedTickets>,
    log_outs: Mutex<LogOuts>,
    lost: Option<LostState>,
}

/// Where somebody tries to log in from.
#[derive(Clone, Copy, Debug)]
pub struct LoginSource<'a> {
    /// The client's address.
    pub address: IpAddr,
    /// The network that it is on.
    pub network: ClientNetwork,
    /// What the client calls itself (`User-Agent`); empty where it does not.
    pub agent: &'a str,
}

/// Which cameras a login is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Reach)]
pub enum LoginScope {
    /// Every camera with the same site key.
    Site,
    /// This camera only: it has no site key.
    ThisCamera,
}

/// New passwords, as the admin wants them.
pub struct PasswordChange {
    /// The admin's; none: as it is.
    pub admin: Option<String>,
    /// The viewer's: kept, removed, or a new one.
    pub viewer: ViewerPasswordChange,
}

/// What becomes of the viewer's password.
pub enum ViewerPasswordChange {
    /// It stays as it is.
    Keep,
    /// There is none any more: nobody can log in as viewer.
    Remove,
    /// This one from now on.
    Set(String),
}

impl Authority {
    /// With the settings, and with what this camera keeps for itself
    /// ([`LocalSecrets::prepare`] has been called).
    ///
    /// # Errors
    /// When the kernel has no randomness to give.
    pub fn new(settings: &Settings, local: &LocalSecrets) -> Result<Self, getrandom::Error> {
        let mut random = [[0; 32]; 2];
        for bytes in &mut random {
            getrandom::fill(bytes)?;
        }
        let (signer, login_scope) = match (Signer::of_site(&settings.site), local.session_secret())
        {
            (Some(signer), _) => (signer, LoginScope::Site),
            (None, Some(secret)) => {
                let signer = Signer::of_secret(secret.expose().as_bytes());
                (signer, LoginScope::ThisCamera)
            }
            // A state file that could not be written: sessions end with the process.
            (None, None) => (Signer::of_secret(&random[1]), LoginScope::ThisCamera),
        };
        let stored = |password: Option<StoredPassword>| password.map(Arc::new);
        let auth = &settings.auth;
        let viewer = auth.viewer_password.clone().map(StoredPassword::plain);
        let admin = auth.admin_password.clone().map(StoredPassword::plain);
        let first = || {
            let hash = local.first_password_hash()?;
            Some(StoredPassword::Hash(hash.to_owned()))
        };
        Ok(Self {
            key_ids: signer.key_ids(),
            signer,
            login_scope,
            viewer: stored(viewer),
            admin: stored(admin.or_else(first)),
            cache: Mutex::new(CredentialCache::new(&random[0])),
            throttle: SharedThrottle::new(),
            known_devices: Mutex::new(KnownDevices::new()),
            hashing: HashingPool::new(),
            used_tickets: Mutex::new(UsedTickets::default()),
            log_outs: Mutex::new(LogOuts::default()),
            lost: None,
        })
    }

    /// The same where the state file could not be used: nobody is let in until it is known which
    /// passwords count.
    #[must_use]
    pub fn with_lost_state(self, lost: Option<LostState>) -> Self {
        Self { lost, ..self }
    }

    /// Whether nobody is let in, since the state file could not be used.
    pub fn is_locked(&self, auth_state: &SharedAuthState) -> bool {
        auth_state.with(|auth_state| LostState::locks(self.lost.as_ref(), auth_state))
    }

    /// What tells the keys apart that sessions are signed with, that of now first: a site's, or
    /// this camera's own.
    pub fn key_ids(&self) -> &[String] {
        &self.key_ids
    }

    /// Which cameras a login here is good for.
    pub fn login_scope(&self) -> LoginScope {
        self.login_scope
    }

    /// What somebody with this user name and password may do.
    ///
    /// # Errors
    /// Why they were not accepted. Wrong ones are held against the address; a device that was right
    /// there before does not wait for the others ([`KnownDevices`]).
    pub async fn verify_password(
        &self,
        auth_state: &SharedAuthState,
        user: &str,
        password: &str,
        from: LoginSource<'_>,
    ) -> Result<Access, LoginError> {
        let verified = self.verify_any(auth_state, user, password, from).await;
        if verified.is_ok() {
            lock(&self.known_devices).remember(from.address, from.agent, Instant::now());
        }
        verified
    }

    async fn verify_any(
        &self,
        auth_state: &SharedAuthState,
        user: &str,
        password: &str,
        from: LoginSource<'_>,
    ) -> Result<Access, LoginError> {
        if self.is_locked(auth_state) {
            return Err(LoginError::StateLost);
        }
        let access = Access::of_user(user);
        let (stored, version) =
            auth_state.with(|auth_state| self.stored_password(access, auth_state));
        let was_right =
            || access.filter(|access| lock(&self.cache).contains(*access, password, version));
        // Before anything is looked at, or the answer would tell right from wrong.
        if let Some(wait) = self.throttle.wait(from.address) {
            let mut devices = lock(&self.known_devices);
            let (address, agent) = (from.address, from.agent);
            let right = devices.look(address, agent, Instant::now(), || was_right().is_some());
            return access.filter(|_| right).ok_or(LoginError::Throttled(wait));
        }
        // A stranger's is an attempt as any other: where the budget is spent, right ones have to
        // wait as wrong ones do, or the answer would tell them apart.
        let is_exempt = self.throttle.is_exempt(from.address, from.network);
        if let Some(access) = is_exempt.then(&was_right).flatten() {
            return Ok(access);
        }
        let begun = self.throttle.begin(from.address, from.network);
        let attempt = begun.map_err(LoginError::Throttled)?;
        if let Some(access) = was_right() {
            attempt.finish(AttemptOutcome::Right);
            return Ok(access);
        }
        let (Some(access), Some(stored)) = (access, stored) else {
            attempt.finish(AttemptOutcome::Wrong);
            return Err(LoginError::Wrong);
        };
        if password.len() > MAX_PASSWORD_BYTES {
            attempt.finish(AttemptOutcome::Wrong);
            return Err(LoginError::Wrong);
        }
        let turn = self.hashing.turn(from.address, attempt.class()).await?;
        // Somebody may have logged in with the same ones while this one waited.
        if was_right().is_some() {
            attempt.finish(AttemptOutcome::Right);
            return Ok(access);
        }
        let given = password.to_owned();
        // The attempt ends with the hashing, whether or not anybody still waits for the answer.
        let right = hash_in_background(turn, move || {
            let right = stored.verify(&given)?;
            attempt.finish(if right {
                AttemptOutcome::Right
            } else {
                AttemptOutcome::Wrong
            });
            Ok(right)
        })
        .await?;
        if !right {
            return Err(LoginError::Wrong);
        }
        lock(&self.cache).insert(access, password, version);
        Ok(access)
    }

    /// How many passwords wait to be checked.
    pub fn passwords_waiting(&self) -> usize {
        self.hashing.waiting()
    }

    /// Counts a wrong attempt of another kind: a bearer token that was never signed here.
    ///
    /// # Errors
    /// How long to wait, where there were too many.
    pub fn record_failure(&self, from: IpAddr, network: ClientNetwork) -> Result<(), LoginError> {
        let recorded = self.throttle.record_failure(from, network);
        recorded.map_err(LoginError::Throttled)
    }

    /// The passwords that are to count from now on, as an admin at `from` wants them. `current` is
    /// the admin's and has been verified.
    ///
    /// # Errors
    /// When they cannot be hashed now.
    pub async fn hash_new_passwords(
        &self,
        auth_state: &AuthState,
        current: String,
        change: PasswordChange,
        from: IpAddr,
    ) -> Result<Passwords, LoginError> {
        let turn = self.hashing.turn(from, AttemptClass::Exempt).await?;
        let (viewer, _) = self.stored_password(Some(Access::Viewer), auth_state);
        let (epoch, generation) = (auth_state.epoch(), auth_state.next_generation());
        hash_in_background(turn, move || {
            let admin = password::hash(&change.admin.unwrap_or(current))?;
            let viewer = match (change.viewer, viewer) {
                (ViewerPasswordChange::Set(new), _) => Some(password::hash(&new)?),
                (ViewerPasswordChange::Keep, Some(stored)) => Some(stored.hash()?.to_owned()),
                (ViewerPasswordChange::Keep, None) | (ViewerPasswordChange::Remove, _) => None,
            };
            Ok(Passwords {
                epoch,
                generation,
                changed_at: unix_now_millis(),
                viewer,
                admin: Some(admin),
            })
        })
        .await
    }

    /// Counts the log-out of this session by a client at `from`, before it is ended.
    ///
    /// # Errors
    /// How long it has to wait, where it has ended too many sessions of viewers.
    pub fn record_log_out(&self, claims: &Claims, from: IpAddr) -> Result<(), Duration> {
        if claims.is_of_viewers() {
            lock(&self.log_outs).spend(from, Instant::now())
        } else {
            Ok(())
        }
    }

    /// The signed text of these claims.
    pub fn sign(&self, claims: &Claims) -> String {
        self.signer.sign(claims)
    }

    /// What a session's cookie says, if it counts now for the client at `from`.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_session(
        &self,
        text: &str,
        auth_state: &SharedAuthState,
        from: IpAddr,
    ) -> Result<Claims, ClaimsError> {
        let claims = self.check(text, auth_state, |purpose| {
            matches!(purpose, Purpose::Session)
        })?;
        claims.check_client(from).map(|()| claims)
    }

    /// What a bearer token (RFC 6750) says, if it counts now; a session is one too, for the client
    /// at `from`.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_bearer(
        &self,
        text: &str,
        auth_state: &SharedAuthState,
        from: IpAddr,
    ) -> Result<Claims, ClaimsError> {
        let claims = self.check(text, auth_state, |purpose| {
            matches!(purpose, Purpose::Session | Purpose::Token)
        })?;
        claims.check_client(from).map(|()| claims)
    }

    /// What this ticket says, if it is good for the pictures of camera `me`, for the client at
    /// `from`, now.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check_picture_ticket(
        &self,
        text: &str,
        auth_state: &SharedAuthState,
        me: InstanceId,
        from: IpAddr,
    ) -> Result<Claims, ClaimsError> {
        let good = Purpose::PictureTicket {
            camera: me,
            client: from,
        };
        self.check(text, auth_state, |purpose| *purpose == good)
    }

    /// The session that this ticket opens at camera `me`, for the client at `from`, now; each
    /// ticket once.
    ///
    /// # Errors
    /// Why it opens none.
    pub fn redeem_entry_ticket(
        &self,
        text: &str,
        auth_state: &SharedAuthState,
        me: InstanceId,
        from: IpAddr,
    ) -> Result<Claims, ClaimsError> {
        let ticket = self.check(text, auth_state, |purpose| {
            matches!(
                purpose,
                Purpose::EntryTicket { camera, client, .. } if *camera == me && *client == from
            )
        })?;
        let (Purpose::EntryTicket { nonce, .. }, Some(session)) =
            (ticket.purpose, ticket.redeemed_session())
        else {
            return Err(ClaimsError::WrongPurpose);
        };
        if lock(&self.used_tickets).redeem(nonce, ticket.expires, unix_now()) {
            Ok(session)
        } else {
            Err(ClaimsError::Revoked)
        }
    }

    fn check(
        &self,
        text: &str,
        auth_state: &SharedAuthState,
        good: impl FnOnce(&Purpose) -> bool,
    ) -> Result<Claims, ClaimsError> {
        let claims = self.signer.verify(text)?;
        if !good(&claims.purpose) {
            return Err(ClaimsError::WrongPurpose);
        }
        if self.is_locked(auth_state) {
            return Err(ClaimsError::StateLost);
        }
        auth_state.with(|auth_state| claims.check(unix_now(), auth_state))?;
        Ok(claims)
    }

    /// The password of this user, and its generation: the one set over HTTP, the one of the
    /// settings, the one that was made at the first start.
    fn stored_password(
        &self,
        user: Option<Access>,
        auth_state: &AuthState,
    ) -> (Option<Arc<StoredPassword>>, PasswordVersion) {
        let stored = match (auth_state.set_passwords(), user) {
            (_, None) => None,
            (None, Some(Access::Viewer)) => self.viewer.clone(),
            (None, Some(Access::Admin)) => self.admin.clone(),
            (Some(set), Some(user)) => {
                let hash = match user {
                    Access::Viewer => &set.viewer,
                    Access::Admin => &set.admin,
                };
                let hash = hash.clone().map(StoredPassword::Hash);
                hash.map(Arc::new)
            }
        };
        (stored, auth_state.generation())
    }
}

#[cfg(test)]
mod tests;
