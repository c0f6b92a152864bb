//! The replay window: no sealed message counts twice, and none of a recording.
//!
//! Each run of a server numbers its messages. A run is *proven* once it has answered a challenge of
//! this server ([`Handshake`]). Of that run, the highest number and the 63 before it are
//! remembered, so that datagrams may overtake each other; whatever is older is refused, and so is
//! what it said before it was proven, and every other run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Handshake, Message, Nonce, Rejection};
use porthole_types::forget_oldest;
use porthole_types::{BootId, InstanceId};

/// Senders remembered. Beyond it the one not heard for longest goes, and those first that are not
/// proven; only holders of the key can fill it.
const MAX_SENDERS: usize = 512;

/// The highest number and the 63 before it, one bit each.
const WINDOW: u64 = u64::BITS as u64;

/// How long a challenge may be answered: an answer that was held back on the way for longer may be
/// of a run that is over.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

struct Sender {
    /// Of its proven run.
    window: Option<SenderWindow>,
    challenge: Option<Challenge>,
    /// When its last message came.
    at: Instant,
}

/// The same for all runs of a server: whoever sends a recording cannot take the place of the run
/// that is there.
#[derive(Clone, Copy)]
struct Challenge {
    nonce: Nonce,
    drawn_at: Instant,
}

#[derive(Clone, Copy)]
struct SenderWindow {
    boot: BootId,
    /// The number of the message that has proven it.
    proven_by: u64,
    highest: u64,
    /// Bit `n`: the message numbered `highest - n` was heard.
    heard: u64,
}

/// The windows of all senders.
#[derive(Default)]
pub struct ReplayFilter {
    senders: BTreeMap<InstanceId, Sender>,
}

impl ReplayFilter {
    /// Takes note of a message that is known to be authentic.
    ///
    /// # Errors
    /// [`Rejection::Replay`] when its number was heard before, or is too old to tell;
    /// [`Rejection::Unproven`] when its sender's run has yet to answer a challenge, or had when it
    /// sent this.
    pub fn admit(
        &mut self,
        from: InstanceId,
        boot: BootId,
        counter: u64,
        now: Instant,
    ) -> Result<(), Rejection> {
        let unproven = Rejection::Unproven(Handshake::default());
        let sender = self.senders.get_mut(&from).ok_or(unproven)?;
        let window = sender.window.as_mut().filter(|window| window.boot == boot);
        let window = window.ok_or(unproven)?;
        if counter <= window.proven_by {
            return Err(unproven);
        }
        *window = advance(*window, counter)?;
        sender.at = now;
        Ok(())
    }

    /// Whether the run of this server is proven.
    pub fn is_proven(&self, from: InstanceId, boot: BootId) -> bool {
        let window = self.senders.get(&from).and_then(|sender| sender.window);
        window.is_some_and(|window| window.boot == boot)
    }

    /// What to ask a run that is not proven; none where there is no randomness.
    pub fn challenge(&mut self, from: InstanceId, now: Instant) -> Option<Nonce> {
        let sender = self.senders.entry(from).or_insert(Sender {
            window: None,
            challenge: None,
            at: now,
        });
        sender.at = now;
        sender.challenge = sender.challenge.filter(|challenge| challenge.is_open(now));
        if sender.challenge.is_none() {
            let drawn = getrandom::u64().ok().map(Nonce);
            sender.challenge = drawn.map(|nonce| Challenge {
                nonce,
                drawn_at: now,
            });
        }
        let nonce = sender.challenge.map(|challenge| challenge.nonce);
        forget_oldest(&mut self.senders, MAX_SENDERS, |sender| {
            (sender.window.is_some(), sender.at)
        });
        nonce
    }

    /// Whether this message proves its run by answering the challenge, which is used up then.
    pub fn prove(&mut self, message: &Message, proof: Nonce, now: Instant) -> bool {
        // Its window would begin anew at an answer that was held back, and what has been heard
        // since could count again.
        if self.is_proven(message.from, message.boot) {
            return false;
        }
        let Some(sender) = self.senders.get_mut(&message.from) else {
            return false;
        };
        let open = sender.challenge.filter(|challenge| challenge.is_open(now));
        if open.is_none_or(|challenge| challenge.nonce != proof) {
            return false;
        }
        *sender = Sender {
            window: Some(SenderWindow {
                boot: message.boot,
                proven_by: message.counter,
                highest: message.counter,
                heard: 1,
            }),
            challenge: None,
            at: now,
        };
        true
    }
}

impl Challenge {
    fn is_open(self, now: Instant) -> bool {
        now.saturating_duration_since(self.drawn_at) < ANSWERED_WITHIN
    }
}

fn advance(window: SenderWindow, counter: u64) -> Result<SenderWindow, Rejection> {
    if let Some(ahead) = counter
        .checked_sub(window.highest)
        .filter(|ahead| *ahead > 0)
    {
        // A shift by all 64 bits is no shift in Rust: a leap leaves nothing of the old window.
        let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
        let heard = window.heard.checked_shl(shift).unwrap_or(0) | 1;
        return Ok(SenderWindow {
            highest: counter,
            heard,
            ..window
        });
    }
    let behind = window.highest - counter;
    if behind >= WINDOW || window.heard & (1 << behind) != 0 {
        return Err(Rejection::Replay);
    }
    Ok(SenderWindow {
        heard: window.heard | 1 << behind,
        ..window
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::Body;
    use super::super::message::tests::message;
    use super::*;

    const ONE: InstanceId = InstanceId(1);

    fn admit(replay: &mut ReplayFilter, boot: u64, counter: u64) -> Result<(), Rejection> {
        replay.admit(ONE, BootId(boot), counter, Instant::now())
    }

    fn answers(replay: &mut ReplayFilter, id: u64, boot: u64, counter: u64, nonce: Nonce) -> bool {
        let answer = Message {
            from: InstanceId(id),
            boot: BootId(boot),
            counter,
            ..message(Body::Handshake(Handshake::default()))
        };
        replay.prove(&answer, nonce, Instant::now())
    }

    /// One whose run 1 is proven by its message 0.
    fn proven() -> ReplayFilter {
        let mut replay = ReplayFilter::default();
        let nonce = replay.challenge(ONE, Instant::now()).unwrap();
        assert!(answers(&mut replay, 1, 1, 0, nonce));
        replay
    }

    fn is_unproven(outcome: Result<(), Rejection>) -> bool {
        matches!(outcome, Err(Rejection::Unproven(_)))
    }

    #[test]
    fn a_run_counts_once_it_has_answered_and_nothing_that_it_said_before() {
        let mut replay = ReplayFilter::default();
        assert!(is_unproven(admit(&mut replay, 5, 1000)));
        let nonce = replay.challenge(ONE, Instant::now()).unwrap();
        assert!(!answers(&mut replay, 1, 5, 1001, Nonce(nonce.0 ^ 1)));
        assert!(!answers(&mut replay, 2, 5, 1001, nonce), "of another");
        assert!(answers(&mut replay, 1, 5, 1001, nonce));
        for counter in [0, 1000, 1001] {
            assert!(is_unproven(admit(&mut replay, 5, counter)), "{counter}");
        }
        assert_eq!(admit(&mut replay, 5, 1002), Ok(()));
        assert_eq!(admit(&mut replay, 5, 1002), Err(Rejection::Replay));
    }

    #[test]
    fn an_answer_counts_once_and_a_run_that_was_replaced_does_not_come_back_with_it() {
        let mut replay = ReplayFilter::default();
        let nonce = replay.challenge(ONE, Instant::now()).unwrap();
        assert!(answers(&mut replay, 1, 5, 7, nonce));
        // Its next run, whose number may well be a lower one.
        let next = replay.challenge(ONE, Instant::now()).unwrap();
        assert_ne!(next, nonce);
        assert!(answers(&mut replay, 1, 4, 1, next));
        for again in [nonce, next] {
            assert!(!answers(&mut replay, 1, 5, 7, again));
        }
        assert!(is_unproven(admit(&mut replay, 5, 8)));
        assert_eq!(admit(&mut replay, 4, 2), Ok(()));
    }

    #[test]
    fn an_answer_that_was_held_back_lets_nothing_of_a_proven_run_count_again() {
        let mut replay = proven();
        // Somebody has sent a recording, and the server was asked again.
        let nonce = replay.challenge(ONE, Instant::now()).unwrap();
        assert_eq!(admit(&mut replay, 1, 9), Ok(()));
        assert!(!answers(&mut replay, 1, 1, 8, nonce));
        assert_eq!(admit(&mut replay, 1, 9), Err(Rejection::Replay));
    }

    #[test]
    fn a_recording_that_asks_for_a_challenge_does_not_use_up_that_of_the_run_that_is_there() {
        let mut replay = ReplayFilter::default();
        let now = Instant::now();
        let first = replay.challenge(ONE, now);
        assert_eq!(replay.challenge(ONE, now), first);
        let late = replay.challenge(ONE, now + ANSWERED_WITHIN);
        assert_ne!(late, first, "an old one cannot be answered any more");
    }

    #[test]
    fn a_leap_of_any_length_forgets_only_what_is_too_old() {
        let mut replay = proven();
        for counter in [1, 2, 64, 65, u64::MAX - 1, u64::MAX] {
            assert_eq!(admit(&mut replay, 1, counter), Ok(()), "{counter}");
            let again = admit(&mut replay, 1, counter);
            assert_eq!(again, Err(Rejection::Replay), "{counter} again");
        }
        assert_eq!(admit(&mut replay, 1, u64::MAX - 63), Ok(()));
        let older = admit(&mut replay, 1, u64::MAX - 64);
        assert_eq!(older, Err(Rejection::Replay));
    }

    #[test]
    fn the_table_keeps_those_that_are_there_whatever_recordings_are_sent() {
        let mut replay = proven();
        let later = Instant::now() + Duration::from_secs(1);
        for id in 2..=2 * MAX_SENDERS as u64 {
            replay.challenge(InstanceId(id), later);
        }
        assert_eq!(replay.senders.len(), MAX_SENDERS);
        assert_eq!(admit(&mut replay, 1, 1), Ok(()));
    }

    proptest! {
        /// Against the definition, said without bits.
        #[test]
        fn each_message_counts_once_and_in_any_order_within_the_window(
            counters in prop::collection::vec(1_u64..200, 1..200),
        ) {
            let mut replay = proven();
            let mut heard = BTreeSet::from([0]);
            for counter in counters {
                let too_old = heard.last().is_some_and(|highest| counter + WINDOW <= *highest);
                let expected = !too_old && !heard.contains(&counter);
                prop_assert_eq!(admit(&mut replay, 1, counter).is_ok(), expected);
                if expected {
                    heard.insert(counter);
                }
            }
        }
    }
}
