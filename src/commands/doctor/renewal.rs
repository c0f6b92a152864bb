//! What the router does with a mapping that is asked for again.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::words::{sentence, tell};
use crate::shared::RouterTrait;
use porthole_gateway::verified::{self, Asked, Grant, Learned, Renewal, SecureOutcome};
use porthole_gateway::{Gateway, Lease, MappingRequest};
use porthole_types::ExternalPort;

/// The lease that is asked for then, in seconds: longer than that of the first request, so that it
/// shows also on routers that do not count down.
const LONGER_LEASE: u32 = 60;

/// So much of the lease has to be over, in the router's own reading, in seconds.
const OVER: u32 = 2;

/// How long that is waited for.
const WAIT: Duration = Duration::from_secs(5);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Renews the trial mapping, and tells what that did.
pub(super) async fn check(
    router: &dyn Gateway,
    request: &MappingRequest,
    grant: &Grant,
    learned: &mut Learned,
) {
    let Lease::Seconds(granted) = grant.granted else {
        return; // nothing to renew
    };
    let left = match &grant.entry {
        Some(entry) if entry.lease().is_some() => {
            let port = request.external;
            let waited = timeout(WAIT, part_is_over(router, port, granted.get())).await;
            waited.ok()
        }
        _ => None,
    };
    let counts_down = left.is_some();
    let longer = MappingRequest {
        lease: Lease::from_seconds(LONGER_LEASE),
        ..request.clone()
    };
    match verified::secure(router, &longer, Asked::Again, learned).await {
        // A lease of a length of the router's own, which is shown as granted, looks the same
        // before and after.
        Ok(SecureOutcome::Ours(renewed))
            if (renewed.renewal == Renewal::Unchanged
                && (counts_down || grant.granted == request.lease))
                || is_no_longer(&renewed, left) =>
        {
            tell(&RouterTrait::renewal_in_vain(
                "a renewal is answered with yes, and the lease ends when it would have ended",
            ));
        }
        Ok(SecureOutcome::Ours(renewed)) if renewed.renewal == Renewal::Extended && counts_down => {
            println!("  A renewal extends the lease.");
        }
        Ok(SecureOutcome::Refused { .. }) => {
            let what = "a renewal is refused before the lease has ended";
            tell(&RouterTrait::renewal_in_vain(what));
        }
        Ok(SecureOutcome::NoRoom(why) | SecureOutcome::NotAsked(why)) | Err(why) => {
            println!("  Renewing it: {}", sentence(&why));
        }
        Ok(SecureOutcome::Ours(_) | SecureOutcome::Theirs(_)) => {}
    }
}

/// Whether a lease longer than what was asked for, which no renewal could be told from, runs on.
fn is_no_longer(renewed: &Grant, left: Option<u32>) -> bool {
    let shown = renewed.entry.as_ref().and_then(|entry| entry.lease_seconds);
    let pair = shown.zip(left);
    renewed.renewal == Renewal::New && pair.is_some_and(|(shown, left)| shown <= left)
}

/// Waits until the router shows that some of the lease is over; what is left then, in seconds.
async fn part_is_over(router: &dyn Gateway, port: ExternalPort, granted: u32) -> u32 {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let entry = router.entry(port).await.ok().flatten();
        if let Some(left) = entry.and_then(|entry| entry.lease_seconds)
            && left.saturating_add(OVER) <= granted
        {
            return left;
        }
    }
}
