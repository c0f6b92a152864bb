//! Guesses are slowed down, and the owner is not.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const OUTSIDE: ClientNetwork = ClientNetwork::Outside;

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x3c78_0000 + number).into()
}

/// One attempt from beginning to end.
fn attempt(
    throttle: &mut Throttle,
    from: IpAddr,
    network: ClientNetwork,
    outcome: AttemptOutcome,
    now: Instant,
) -> Result<(), Duration> {
    let class = throttle.begin(from, network, now)?;
    throttle.end(from, class, outcome, now);
    Ok(())
}

#[test]
fn after_five_wrong_attempts_each_next_one_waits_twice_as_long_up_to_a_minute() {
    let mut now = Instant::now();
    let mut throttle = Throttle::new(now);
    let guesser = address(1);
    for _ in 0..FREE_FAILURES {
        assert_eq!(
            attempt(&mut throttle, guesser, OUTSIDE, AttemptOutcome::Wrong, now),
            Ok(())
        );
    }
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        let wait = Duration::from_secs(seconds);
        let early = now + wait.saturating_sub(Duration::from_millis(1));
        let refused = attempt(
            &mut throttle,
            guesser,
            OUTSIDE,
            AttemptOutcome::Right,
            early,
        );
        assert_eq!(
            refused,
            Err(Duration::from_millis(1)),
            "right ones wait too"
        );
        now += wait;
        assert_eq!(
            attempt(&mut throttle, guesser, OUTSIDE, AttemptOutcome::Wrong, now),
            Ok(())
        );
    }
    now += FORGIVEN_AFTER + MAX_BACKOFF;
    for _ in 0..FREE_FAILURES {
        assert_eq!(
            attempt(&mut throttle, guesser, OUTSIDE, AttemptOutcome::Wrong, now),
            Ok(())
        );
    }
    assert_eq!(throttle.wait(guesser, now), Some(Duration::from_secs(1)));
}

#[test]
fn attempts_at_the_same_time_do_not_get_around_it() {
    let now = Instant::now();
    let mut throttle = Throttle::new(now);
    let begun = (0..100)
        .filter_map(|_| throttle.begin(address(1), OUTSIDE, now).ok())
        .collect::<Vec<_>>();
    assert_eq!(begun.len(), MAX_CONCURRENT as usize);
    for class in begun {
        throttle.end(address(1), class, AttemptOutcome::Wrong, now);
    }
    let later = now + Duration::from_secs(8);
    assert!(throttle.begin(address(1), OUTSIDE, later).is_ok());
    assert_eq!(
        throttle.begin(address(1), OUTSIDE, later),
        Err(RETRY_CONCURRENT)
    );
}

#[test]
fn many_addresses_together_do_not_lock_the_owner_out() {
    let mut now = Instant::now();
    let mut throttle = Throttle::new(now);
    let (owner, at_home) = (address(1), address(2));
    let right = |throttle: &mut Throttle, from, network, now| {
        attempt(throttle, from, network, AttemptOutcome::Right, now)
    };
    assert_eq!(right(&mut throttle, owner, OUTSIDE, now), Ok(()));
    let mut guesses = 0;
    for number in 0..6000 {
        now += Duration::from_millis(10);
        let guess = attempt(
            &mut throttle,
            address(10 + number),
            OUTSIDE,
            AttemptOutcome::Wrong,
            now,
        );
        guesses += u32::from(guess.is_ok());
        assert_eq!(right(&mut throttle, owner, OUTSIDE, now), Ok(()));
        assert_eq!(
            right(&mut throttle, at_home, ClientNetwork::Lan, now),
            Ok(())
        );
    }
    // A minute: sixty at once, and one a second.
    assert!((110..=121).contains(&guesses), "{guesses}");
    assert!(throttle.sources.len() <= MAX_ADDRESSES && throttle.familiar.len() <= MAX_ADDRESSES);
}

proptest! {
    #[test]
    fn a_guesser_has_few_attempts_however_it_spreads_them(
        gaps in prop::collection::vec(0..30_000_u64, 1..400),
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut throttle = Throttle::new(now);
        let mut heard = Vec::new();
        for gap in gaps {
            now += Duration::from_millis(gap);
            let wrong = AttemptOutcome::Wrong;
            if attempt(&mut throttle, address(1), ClientNetwork::Lan, wrong, now).is_ok() {
                heard.push(now);
            }
            prop_assert!(throttle.wait(address(1), now).unwrap_or_default() <= MAX_BACKOFF);
            prop_assert_eq!(throttle.wait(address(2), now), None);
        }
        // Within any ten minutes: those of a minute, the doublings, one a minute; or four a
        // minute for ever.
        for (index, from) in heard.iter().enumerate() {
            let soon = |at: &&Instant| **at - *from <= Duration::from_mins(10);
            let count = heard[index..].iter().take_while(soon).count();
            prop_assert!(count <= 50, "{} attempts", count);
        }
    }

    #[test]
    fn nothing_that_is_right_is_ever_held_against_an_address(
        gaps in prop::collection::vec(0..5_000_u64, 1..300),
    ) {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(now);
        for gap in gaps {
            now += Duration::from_millis(gap);
            let right = AttemptOutcome::Right;
            let allowed = attempt(&mut throttle, address(1), OUTSIDE, right, now);
            prop_assert_eq!(allowed, Ok(()));
        }
    }
}
