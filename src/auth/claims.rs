//! What a session, a token or a pass says, and whether it still counts.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Access;
use crate::site::{AuthState, SessionId};
use porthole_types::InstanceId;

/// How long a session lasts that nobody uses, in seconds.
const SESSION: u64 = 12 * 3600;

/// How long a session lasts at the most, however much it is used, in seconds.
const SESSION_LONGEST: u64 = 7 * 24 * 3600;

/// How far ahead the clock of the camera that signed may be, in seconds.
const AHEAD: u64 = 5 * 60;

/// Passes for pictures are the same for so long, so that a page need not load a picture anew only
/// because it has got another address; they are good for one to two of these spans. In seconds.
const PICTURES: u64 = 5 * 60;

/// How long a pass for entering another camera is good, in seconds: as long as a browser needs to
/// follow a redirect.
const ENTER_SECONDS: u64 = 60;

/// What the bearer of a signed text may do, until when, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Which session or token this is, or which it was made of: ended, it ends them all.
    pub id: SessionId,
    /// What the bearer may do.
    pub access: Access,
    /// When the session began or the token was made, in seconds since 1970. Passwords set later
    /// end it.
    pub issued: u64,
    /// When it ends by itself, in seconds since 1970.
    pub expires: u64,
    /// What it is good for.
    pub purpose: Purpose,
}

/// What a signed text is good for. Each is refused where another is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Purpose {
    /// A person's session, in a cookie.
    Session,
    /// A program's token, in a header.
    Token,
    /// The pictures of one camera, in the address of an image: for a page that another camera
    /// serves.
    Pictures {
        /// Whose pictures.
        camera: InstanceId,
        /// For the visitor at this address.
        visitor: IpAddr,
    },
    /// Entering one camera with the session that one has at another, once.
    Enter {
        /// Which camera.
        camera: InstanceId,
        /// For the visitor at this address.
        visitor: IpAddr,
        /// Which pass: it is taken once.
        once: u64,
        /// When the session ends that it opens, in seconds since 1970.
        until: u64,
    },
}

/// Why a signed text does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no such text.
    #[error("it cannot be read")]
    Unreadable,
    /// Signed with another key, or changed.
    #[error("it was not signed by a camera of this site")]
    Signature,
    /// Over.
    #[error("it has expired")]
    Expired,
    /// From the future.
    #[error(
        "it was signed {} ahead of this camera's clock: set the clocks of all cameras right (NTP)",
        humantime::format_duration(*.by)
    )]
    Early {
        /// By so much.
        by: Duration,
    },
    /// Logged out, or taken back.
    #[error("it was ended")]
    Ended,
    /// From before the passwords of now.
    #[error("the passwords have been changed since")]
    PasswordsChanged,
    /// Good for something else, for another camera or for another visitor.
    #[error("it is not good for this")]
    Misused,
}

impl Claims {
    /// A session that begins now (`now` in seconds since 1970).
    pub fn session(id: SessionId, access: Access, now: u64, auth_state: &AuthState) -> Self {
        Self {
            id,
            access,
            issued: issue(now, auth_state),
            expires: now.saturating_add(SESSION),
            purpose: Purpose::Session,
        }
    }

    /// A token that lasts for so many days from now.
    pub fn token(
        id: SessionId,
        access: Access,
        days: u16,
        now: u64,
        auth_state: &AuthState,
    ) -> Self {
        Self {
            id,
            access,
            issued: issue(now, auth_state),
            expires: now.saturating_add(u64::from(days) * 24 * 3600),
            purpose: Purpose::Token,
        }
    }

    /// A pass of this session or token for the pictures of `camera`. It is the same for minutes.
    #[must_use]
    pub fn pass_for_pictures(&self, camera: InstanceId, visitor: IpAddr, now: u64) -> Self {
        let began = now - now % PICTURES;
        Self {
            access: Access::Viewer,
            expires: self.expires.min(began.saturating_add(2 * PICTURES)),
            purpose: Purpose::Pictures { camera, visitor },
            ..self.clone()
        }
    }

    /// A pass of this session for entering `camera`; nothing of what is no session.
    pub fn pass_for_entry(
        &self,
        camera: InstanceId,
        visitor: IpAddr,
        once: u64,
        now: u64,
    ) -> Option<Self> {
        let until = self.expires;
        (self.purpose == Purpose::Session).then(|| Self {
            expires: until.min(now.saturating_add(ENTER_SECONDS)),
            purpose: Purpose::Enter {
                camera,
                visitor,
                once,
                until,
            },
            ..self.clone()
        })
    }

    /// The session that a pass for entering opens: the same one, with the same end; nothing of
    /// other passes.
    pub fn entered(&self) -> Option<Self> {
        match self.purpose {
            Purpose::Enter { until, .. } => Some(Self {
                expires: until,
                purpose: Purpose::Session,
                ..self.clone()
            }),
            _ => None,
        }
    }

    /// The same session with a later end, once half of its time is over; nothing before, and
    /// nothing past the longest time that a session lasts.
    pub fn renewed(&self, now: u64) -> Option<Self> {
        let half_over = self.expires.saturating_sub(now) < SESSION / 2;
        let expires = now
            .saturating_add(SESSION)
            .min(self.issued.saturating_add(SESSION_LONGEST));
        // Near its very end each request would win a second.
        let worth_it = expires > self.expires.saturating_add(60);
        (self.purpose == Purpose::Session && half_over && worth_it).then(|| Self {
            expires,
            ..self.clone()
        })
    }

    /// When the last copy of it ends by itself, wherever it was renewed, in seconds since 1970.
    pub fn ends_for_good(&self) -> u64 {
        match self.purpose {
            Purpose::Session => self
                .expires
                .max(self.issued.saturating_add(SESSION_LONGEST)),
            _ => self.expires,
        }
    }

    /// Whether it counts now, by what the site knows.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, now: u64, auth_state: &AuthState) -> Result<(), Rejected> {
        if self.expires <= now {
            return Err(Rejected::Expired);
        }
        let latest = issue(now, auth_state).saturating_add(AHEAD);
        if self.issued > latest {
            let by = Duration::from_secs(self.issued.saturating_sub(now));
            return Err(Rejected::Early { by });
        }
        if auth_state.revoked.contains_key(&self.id) {
            return Err(Rejected::Ended);
        }
        if self.issued < not_before(auth_state) {
            return Err(Rejected::PasswordsChanged);
        }
        Ok(())
    }
}

/// What was issued before does not count, in seconds since 1970: the first whole second after the
/// passwords were set.
fn not_before(auth_state: &AuthState) -> u64 {
    let changed = auth_state.passwords.as_ref().map(|set| set.changed_at);
    changed.map_or(0, |at| at.div_ceil(1000))
}

/// When something that is made now is issued. A camera whose clock is behind the one on which the
/// passwords were set could otherwise make nothing that counts.
fn issue(now: u64, auth_state: &AuthState) -> u64 {
    now.max(not_before(auth_state))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::site::Passwords;

    const NOW: u64 = 1_795_400_000;
    const ID: SessionId = SessionId(7);

    fn session(auth_state: &AuthState) -> Claims {
        Claims::session(ID, Access::Admin, NOW, auth_state)
    }

    fn changed_at(millis: u64) -> AuthState {
        AuthState {
            passwords: Some(Passwords {
                changed_at: millis,
                viewer: None,
                admin: String::new(),
            }),
            ..AuthState::default()
        }
    }

    #[test]
    fn a_session_counts_from_its_beginning_to_its_end() {
        let auth_state = AuthState::default();
        let session = session(&auth_state);
        assert_eq!(session.check(NOW, &auth_state), Ok(()));
        assert_eq!(session.check(NOW + SESSION - 1, &auth_state), Ok(()));
        let over = session.check(NOW + SESSION, &auth_state);
        assert_eq!(over, Err(Rejected::Expired));
    }

    #[test]
    fn a_clock_that_is_far_behind_is_told_of_with_how_far() {
        let auth_state = AuthState::default();
        let session = session(&auth_state);
        assert_eq!(session.check(NOW - AHEAD, &auth_state), Ok(()));
        let early = session.check(NOW - 7200, &auth_state).unwrap_err();
        assert!(early.to_string().contains("signed 2h ahead"), "{early}");
    }

    #[test]
    fn an_ended_session_does_not_count_nor_does_a_pass_of_it() {
        let mut auth_state = AuthState::default();
        let session = session(&auth_state);
        let visitor = Ipv4Addr::LOCALHOST.into();
        let pass = session.pass_for_pictures(InstanceId(1), visitor, NOW);
        assert_eq!(pass.check(NOW, &auth_state), Ok(()));
        auth_state.revoked.insert(ID, session.ends_for_good());
        for claims in [session, pass] {
            assert_eq!(claims.check(NOW, &auth_state), Err(Rejected::Ended));
        }
    }

    #[test]
    fn a_pass_for_pictures_lasts_ten_minutes_at_most_and_is_the_viewers() {
        let session = session(&AuthState::default());
        for later in 0..700 {
            let now = NOW + later;
            let pass = session.pass_for_pictures(InstanceId(1), Ipv4Addr::LOCALHOST.into(), now);
            let left = pass.expires - now;
            assert!((300..=600).contains(&left), "{left} s");
            assert_eq!(pass.access, Access::Viewer);
        }
    }

    #[test]
    fn who_enters_by_a_pass_has_the_session_that_it_was_made_of() {
        let session = session(&AuthState::default());
        let visitor = Ipv4Addr::LOCALHOST.into();
        let pass = session
            .pass_for_entry(InstanceId(1), visitor, 5, NOW)
            .unwrap();
        assert_eq!(pass.expires, NOW + ENTER_SECONDS);
        assert_eq!(pass.entered(), Some(session));
        assert_eq!(
            pass.pass_for_entry(InstanceId(2), visitor, 6, NOW),
            None,
            "no pass of a pass"
        );
    }

    proptest! {
        #[test]
        fn however_often_it_is_renewed_a_session_ends_within_a_week(steps in prop::collection::vec(0..20_000_u64, 1..200)) {
            let auth_state = AuthState::default();
            let mut session = session(&auth_state);
            let mut now = NOW;
            for step in steps {
                now += step;
                if session.check(now, &auth_state).is_err() {
                    break;
                }
                if let Some(renewed) = session.renewed(now) {
                    prop_assert!(renewed.expires > session.expires);
                    prop_assert_eq!(renewed.id, session.id);
                    session = renewed;
                }
                prop_assert!(session.expires <= NOW + SESSION_LONGEST);
                prop_assert!(session.expires <= session.ends_for_good());
            }
        }

        #[test]
        fn new_passwords_end_what_was_before_and_nothing_that_comes_after(
            change in 0..3_000_000_000_000_u64, clock in 1..3_000_000_000_u64,
        ) {
            // Whatever the clocks of the two cameras say.
            let before = Claims::session(ID, Access::Admin, clock, &AuthState::default());
            let auth_state = changed_at(change);
            if clock * 1000 < change {
                prop_assert!(before.check(clock, &auth_state).is_err());
            }
            let after = Claims::session(ID, Access::Admin, clock, &auth_state);
            prop_assert_eq!(after.check(clock, &auth_state), Ok(()));
        }
    }
}
