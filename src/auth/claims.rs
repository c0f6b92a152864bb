//! What a session, a token or a ticket says, and whether it still counts.
//!
//! The names are those of JSON Web Tokens (RFC 7519 §4) where it has one. The text that carries
//! the claims, and its signature, is [`super::signer`].

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Access;
use super::client::client_at;
use crate::site::{AuthState, Generation, SessionId};
use porthole_types::InstanceId;

/// How long a session lasts that nobody uses.
const SESSION_IDLE_SECONDS: u64 = 12 * 3600;

/// How long a session lasts at the most, however much it is used.
const SESSION_MAX_SECONDS: u64 = 7 * 24 * 3600;

/// How far ahead the clock of the camera that signed may be.
const CLOCK_SKEW_SECONDS: u64 = 5 * 60;

/// Picture tickets are the same for so long, so that a page need not load a picture anew only
/// because it has got another address; they are good for one to two of these spans.
const PICTURE_TICKET_SPAN_SECONDS: u64 = 5 * 60;

/// How long an entry ticket is good: longer than any browser needs to follow a redirect.
const ENTRY_TICKET_SECONDS: u64 = 60;

/// What the bearer of a signed text may do, until when, and in which way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The id of the session or token, or, of a ticket, of the session or token it was made of. A
    /// revocation of this id ends them all.
    pub id: SessionId,
    /// What the bearer may do.
    pub access: Access,
    /// The passwords that it was made under: it counts with these only. In what was signed before
    /// there were generations it is that of a site which never changed them.
    #[serde(default)]
    pub generation: Generation,
    /// The eras that it was signed in: that of what only an admin can end, and that of viewers'
    /// sessions.
    #[serde(default)]
    pub eras: (u64, u64),
    /// The client that a session was made for: it counts from there only. None of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// When the session began or the token was made, in seconds since 1970.
    pub issued: u64,
    /// When it ends by itself, in seconds since 1970.
    pub expires: u64,
    /// What it is good for.
    pub purpose: Purpose,
}

/// What a signed text is good for. Each is refused where another is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Purpose {
    /// A person's session, in a cookie.
    Session,
    /// A program's token, in a header.
    Token,
    /// The pictures of one camera, in the address of an image: for a page that another camera
    /// serves.
    PictureTicket {
        /// The camera whose pictures they are.
        camera: InstanceId,
        /// The address of the client that may use it.
        client: IpAddr,
    },
    /// Taking a session from one camera to another, once.
    EntryTicket {
        /// The camera that takes it.
        camera: InstanceId,
        /// The address of the client that may use it.
        client: IpAddr,
        /// A random number that tells tickets apart, so that each is redeemed once.
        nonce: u64,
        /// When the session expires that it opens, in seconds since 1970.
        session_expires: u64,
    },
}

/// Why a signed text does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// It is no such text.
    #[error("it cannot be read")]
    Malformed,
    /// Signed with another key, or changed.
    #[error("it was not signed by a camera of this site")]
    BadSignature,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It was issued in the future, by this camera's clock.
    #[error(
        "it was signed {} ahead of this camera's clock: set the clocks of all cameras right (NTP)",
        humantime::format_duration(*.by)
    )]
    NotYetValid {
        /// How far ahead of this camera's clock.
        by: Duration,
    },
    /// On the revocation list (logged out, or taken back), or an entry ticket that was redeemed.
    #[error("it was ended")]
    Revoked,
    /// A session of a client at another address.
    #[error("it was made at another network address than yours of now")]
    OtherClient,
    /// It was made under other passwords than those of now.
    #[error("the passwords have been changed since")]
    PasswordsChanged,
    /// It was made under newer passwords than this camera knows.
    #[error(
        "the passwords have been changed, and this camera has not heard of that yet: \
         try again in a few seconds"
    )]
    PasswordsUnheard,
    /// Which ones count is not known: the state file could not be used.
    #[error("this camera's state file could not be used, so it does not know which logins count")]
    StateLost,
    /// It is good for something else, for another camera or for another client.
    #[error("it is not good for this")]
    WrongPurpose,
}

impl Claims {
    /// A session that begins now (`now` in seconds since 1970).
    pub fn session(id: SessionId, access: Access, now: u64, auth_state: &AuthState) -> Self {
        Self {
            id,
            access,
            generation: auth_state.generation(),
            eras: (auth_state.ended.era, auth_state.ended_viewers.era),
            client: None,
            issued: now,
            expires: now.saturating_add(SESSION_IDLE_SECONDS),
            purpose: Purpose::Session,
        }
    }

    /// The same session, for the client at this address only. Cookies do not look at ports: whoever
    /// has another port of a camera's host is sent the cookie, and cannot use it from elsewhere.
    #[must_use]
    pub fn for_client(self, from: IpAddr) -> Self {
        Self {
            client: Some(client_at(from)),
            ..self
        }
    }

    /// Whether the client at this address may use it, as far as it was made for one.
    ///
    /// # Errors
    /// It is another's.
    pub fn check_client(&self, from: IpAddr) -> Result<(), ClaimsError> {
        let bound = self.client.filter(|_| self.purpose == Purpose::Session);
        if bound.is_some_and(|client| client != client_at(from)) {
            return Err(ClaimsError::OtherClient);
        }
        Ok(())
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
            generation: auth_state.generation(),
            eras: (auth_state.ended.era, auth_state.ended_viewers.era),
            client: None,
            issued: now,
            expires: now.saturating_add(u64::from(days) * 24 * 3600),
            purpose: Purpose::Token,
        }
    }

    /// A ticket made of this session or token, for the pictures of `camera`. It is the same for
    /// minutes.
    #[must_use]
    pub fn picture_ticket(&self, camera: InstanceId, client: IpAddr, now: u64) -> Self {
        let span_began = now - now % PICTURE_TICKET_SPAN_SECONDS;
        let span_expires = span_began.saturating_add(2 * PICTURE_TICKET_SPAN_SECONDS);
        Self {
            access: Access::Viewer,
            expires: self.expires.min(span_expires),
            purpose: Purpose::PictureTicket { camera, client },
            ..self.clone()
        }
    }

    /// A ticket made of this session, for entering `camera`; none of what is no session.
    pub fn entry_ticket(
        &self,
        camera: InstanceId,
        client: IpAddr,
        nonce: u64,
        now: u64,
    ) -> Option<Self> {
        let session_expires = self.expires;
        (self.purpose == Purpose::Session).then(|| Self {
            expires: session_expires.min(now.saturating_add(ENTRY_TICKET_SECONDS)),
            purpose: Purpose::EntryTicket {
                camera,
                client,
                nonce,
                session_expires,
            },
            ..self.clone()
        })
    }

    /// The session that an entry ticket opens: the one it was made of, with the same end; none of
    /// anything else.
    pub fn redeemed_session(&self) -> Option<Self> {
        match self.purpose {
            Purpose::EntryTicket {
                session_expires, ..
            } => Some(Self {
                expires: session_expires,
                purpose: Purpose::Session,
                ..self.clone()
            }),
            _ => None,
        }
    }

    /// The same session with a later end, once half of its time is over; nothing before, and
    /// nothing past the longest time that a session lasts.
    pub fn renewed(&self, now: u64) -> Option<Self> {
        let half_over = self.expires.saturating_sub(now) < SESSION_IDLE_SECONDS / 2;
        let expires = now
            .saturating_add(SESSION_IDLE_SECONDS)
            .min(self.issued.saturating_add(SESSION_MAX_SECONDS));
        // Near its very end each request would win a second.
        let worth_it = expires > self.expires.saturating_add(60);
        (self.purpose == Purpose::Session && half_over && worth_it).then(|| Self {
            expires,
            ..self.clone()
        })
    }

    /// When the last copy of it ends by itself, wherever it was renewed, in seconds since 1970.
    pub fn latest_expiry(&self) -> u64 {
        match self.purpose {
            Purpose::Session => self
                .expires
                .max(self.issued.saturating_add(SESSION_MAX_SECONDS)),
            _ => self.expires,
        }
    }

    /// What is to be known by all cameras for this session or token to count no more.
    #[must_use]
    pub fn ending(&self, auth_state: &AuthState) -> AuthState {
        let mut ending = AuthState::default();
        let (list, known) = if self.is_of_viewers() {
            (&mut ending.ended_viewers, &auth_state.ended_viewers)
        } else {
            (&mut ending.ended, &auth_state.ended)
        };
        *list = known.one(self.id, self.latest_expiry());
        ending
    }

    /// What is to be known first for this session or token, made just now, to count: nothing,
    /// unless a clock was far ahead when something older was forgotten. It ends what there was of
    /// its kind.
    pub fn making_room(&self, auth_state: &AuthState) -> Option<AuthState> {
        let mut room = AuthState::default();
        if self.latest_expiry() <= auth_state.ended.floor {
            room.ended = auth_state.ended.next_era();
        }
        if self.is_of_viewers() && self.latest_expiry() <= auth_state.ended_viewers.floor {
            room.ended_viewers = auth_state.ended_viewers.next_era();
        }
        (room != AuthState::default()).then_some(room)
    }

    /// Whether it is a viewer's session, or a ticket: those are ended in a list of their own. Only
    /// admins make tokens, so viewers cannot fill the list of these.
    pub fn is_of_viewers(&self) -> bool {
        self.access == Access::Viewer && self.purpose != Purpose::Token
    }

    fn is_ended(&self, auth_state: &AuthState) -> bool {
        let (era, viewers_era) = self.eras;
        let latest = self.latest_expiry();
        auth_state.ended.contains(self.id, era, latest)
            || self.is_of_viewers()
                && auth_state
                    .ended_viewers
                    .contains(self.id, viewers_era, latest)
    }

    /// Whether it counts at `now` (seconds since 1970), by the passwords and the revocation list.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, now: u64, auth_state: &AuthState) -> Result<(), ClaimsError> {
        if self.expires <= now {
            return Err(ClaimsError::Expired);
        }
        if self.issued > now.saturating_add(CLOCK_SKEW_SECONDS) {
            let by = Duration::from_secs(self.issued.saturating_sub(now));
            return Err(ClaimsError::NotYetValid { by });
        }
        if self.is_ended(auth_state) {
            return Err(ClaimsError::Revoked);
        }
        let generation = auth_state.generation();
        if self.generation == generation {
            Ok(())
        } else if self.generation.number > generation.number {
            Err(ClaimsError::PasswordsUnheard)
        } else {
            Err(ClaimsError::PasswordsChanged)
        }
    }
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

    /// After so many changes, the last of them at this time (milliseconds since 1970).
    fn changed(times: u64, at: u64) -> AuthState {
        AuthState {
            passwords: (times > 0).then(|| Passwords {
                epoch: 0,
                generation: times,
                changed_at: at,
                viewer: None,
                admin: Some(String::new()),
            }),
            ..AuthState::default()
        }
    }

    #[test]
    fn a_session_counts_from_its_beginning_to_its_end() {
        let auth_state = AuthState::default();
        let session = session(&auth_state);
        assert_eq!(session.check(NOW, &auth_state), Ok(()));
        assert_eq!(
            session.check(NOW + SESSION_IDLE_SECONDS - 1, &auth_state),
            Ok(())
        );
        let over = session.check(NOW + SESSION_IDLE_SECONDS, &auth_state);
        assert_eq!(over, Err(ClaimsError::Expired));
    }

    #[test]
    fn a_session_counts_from_the_address_that_it_was_made_for_and_a_token_from_anywhere() {
        let auth_state = AuthState::default();
        let at = |address: &str| address.parse::<IpAddr>().unwrap();
        for (made, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1"),
        ] {
            let session = session(&auth_state).for_client(at(made));
            let later = session.renewed(NOW + SESSION_IDLE_SECONDS - 60).unwrap();
            for session in [session, later] {
                assert_eq!(session.check_client(at(same)), Ok(()));
                let refused = Err(ClaimsError::OtherClient);
                assert_eq!(session.check_client(at(other)), refused);
            }
        }
        let token = Claims::token(ID, Access::Viewer, 1, NOW, &auth_state);
        assert_eq!(token.check_client(at("192.0.2.1")), Ok(()));
    }

    #[test]
    fn a_clock_that_is_far_behind_is_told_of_with_how_far() {
        let auth_state = AuthState::default();
        let session = session(&auth_state);
        assert_eq!(session.check(NOW - CLOCK_SKEW_SECONDS, &auth_state), Ok(()));
        let early = session.check(NOW - 7200, &auth_state).unwrap_err();
        assert!(early.to_string().contains("signed 2h ahead"), "{early}");
    }

    #[test]
    fn an_ended_session_does_not_count_nor_does_a_ticket_of_it() {
        let mut auth_state = AuthState::default();
        let session = session(&auth_state);
        let client = Ipv4Addr::LOCALHOST.into();
        let ticket = session.picture_ticket(InstanceId(1), client, NOW);
        assert_eq!(ticket.check(NOW, &auth_state), Ok(()));
        auth_state.merge(&session.ending(&auth_state));
        for claims in [session, ticket] {
            assert_eq!(claims.check(NOW, &auth_state), Err(ClaimsError::Revoked));
        }
    }

    #[test]
    fn a_picture_ticket_lasts_ten_minutes_at_most_and_is_the_viewers() {
        let session = session(&AuthState::default());
        for later in 0..700 {
            let now = NOW + later;
            let ticket = session.picture_ticket(InstanceId(1), Ipv4Addr::LOCALHOST.into(), now);
            let left = ticket.expires - now;
            assert!((300..=600).contains(&left), "{left} s");
            assert_eq!(ticket.access, Access::Viewer);
        }
    }

    #[test]
    fn an_entry_ticket_opens_the_session_that_it_was_made_of() {
        let session = session(&AuthState::default());
        let client = Ipv4Addr::LOCALHOST.into();
        let ticket = session.entry_ticket(InstanceId(1), client, 5, NOW).unwrap();
        assert_eq!(ticket.expires, NOW + ENTRY_TICKET_SECONDS);
        assert_eq!(ticket.redeemed_session(), Some(session));
        assert_eq!(
            ticket.entry_ticket(InstanceId(2), client, 6, NOW),
            None,
            "no ticket of a ticket"
        );
    }

    proptest! {
        #[test]
        fn however_often_it_is_renewed_a_session_ends_within_a_week(
            steps in prop::collection::vec(0..20_000_u64, 1..200),
        ) {
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
                prop_assert!(session.expires <= NOW + SESSION_MAX_SECONDS);
                prop_assert!(session.expires <= session.latest_expiry());
            }
        }

        #[test]
        fn new_passwords_end_what_was_before_and_nothing_that_comes_after_by_any_clock(
            first in 0..3_000_000_000_000_u64, second in 0..3_000_000_000_000_u64,
            clock in 1..3_000_000_000_u64, times in 0..3_u64,
        ) {
            let (before, after) = (changed(times, first), changed(times + 1, second));
            for made in [
                Claims::session(ID, Access::Admin, clock, &before),
                Claims::token(ID, Access::Viewer, 366, clock, &before),
            ] {
                prop_assert_eq!(made.check(clock, &before), Ok(()));
                prop_assert_eq!(made.check(clock, &after), Err(ClaimsError::PasswordsChanged));
            }
            let made = Claims::session(ID, Access::Admin, clock, &after);
            prop_assert_eq!(made.check(clock, &after), Ok(()));
            prop_assert_eq!(made.check(clock, &before), Err(ClaimsError::PasswordsUnheard));
        }
    }

    #[test]
    fn a_token_of_before_there_were_generations_counts_until_the_passwords_are_changed() {
        let old = r#"{"id":"00000000000000000000000000000007","access":"admin",
            "issued":1795400000,"expires":1795500000,"purpose":"token"}"#;
        let old: Claims = serde_json::from_str(old).unwrap();
        assert_eq!(old.check(NOW, &AuthState::default()), Ok(()));
        let ended = Err(ClaimsError::PasswordsChanged);
        assert_eq!(old.check(NOW, &changed(1, 0)), ended);
        // Passwords that were set before there were generations.
        let stored = r#"{"passwords":{"changed_at":5,"viewer":null,"admin":"$argon2id$"}}"#;
        assert_eq!(
            old.check(NOW, &serde_json::from_str(stored).unwrap()),
            ended
        );
    }

    #[test]
    fn six_hundred_viewers_that_log_out_bring_no_ended_admin_back_and_end_no_token() {
        let mut auth_state = AuthState::default();
        let made = |id, access, auth_state: &AuthState| {
            Claims::session(SessionId(id), access, NOW, auth_state)
        };
        let (ended, admin) = (session(&auth_state), made(8, Access::Admin, &auth_state));
        let token = Claims::token(SessionId(9), Access::Viewer, 30, NOW, &auth_state);
        let viewer = made(10, Access::Viewer, &auth_state);
        auth_state.merge(&ended.ending(&auth_state));
        auth_state.merge(&viewer.ending(&auth_state));
        for id in 100..700 {
            let one = made(id, Access::Viewer, &auth_state);
            assert_eq!(one.check(NOW, &auth_state), Ok(()));
            auth_state.merge(&one.ending(&auth_state));
            assert_eq!(one.check(NOW, &auth_state), Err(ClaimsError::Revoked));
        }
        for gone in [&ended, &viewer] {
            assert_eq!(gone.check(NOW, &auth_state), Err(ClaimsError::Revoked));
        }
        for good in [&admin, &token] {
            assert_eq!(good.check(NOW, &auth_state), Ok(()));
        }
    }

    #[test]
    fn after_a_clock_that_was_a_year_ahead_what_was_ended_is_ended_and_people_can_log_in() {
        const YEAR: u64 = 366 * 24 * 3600;
        let mut auth_state = AuthState::default();
        let token = Claims::token(SessionId(9), Access::Admin, 360, NOW, &auth_state);
        auth_state.merge(&token.ending(&auth_state));
        auth_state.forget_expired(NOW + YEAR);
        assert_eq!(token.check(NOW, &auth_state), Err(ClaimsError::Revoked));
        let room = session(&auth_state).making_room(&auth_state).unwrap();
        auth_state.merge(&room);
        let made = session(&auth_state);
        assert_eq!(made.making_room(&auth_state), None);
        assert_eq!(made.check(NOW, &auth_state), Ok(()));
        assert_eq!(token.check(NOW, &auth_state), Err(ClaimsError::Revoked));
    }
}
