//! Mappings on high ports, made for a moment: what the router makes, shows, renews and deletes.

use std::net::SocketAddrV4;
use std::num::NonZeroU16;

use super::renewal;
use super::site::Site;
use super::words::{sentence, tell};
use crate::shared::{RouterTrait, Stays};
use porthole_gateway::verified::{
    self, Asked, Evidence, Grant, Learned, Release, Released, SecureOutcome,
};
use porthole_gateway::{
    Description, Error, Extent, Gateway, Igd, Lease, MappingRequest, Showing, manual_deletion,
};
use porthole_types::ExternalPort;

/// The port of the trial mapping: high, and outside every range that programs ask for by habit.
const TRIAL_PORT: ExternalPort = ExternalPort(NonZeroU16::new(61_080).expect("it is not 0"));

/// A second one, to the same port inside.
const SECOND_PORT: ExternalPort = ExternalPort(NonZeroU16::new(61_081).expect("it is not 0"));

/// The lease of the trial mapping, in seconds.
const TRIAL_LEASE: u32 = 30;

/// What trying has shown.
pub(super) struct Tried {
    /// Whether cameras can get ports.
    pub(super) usable: bool,
    /// What the router shows of its mappings.
    pub(super) showing: Showing,
    /// What else it taught.
    pub(super) learned: Learned,
}

/// Maps high ports for a moment and deletes that again. `fresh` makes clients that have learned
/// nothing of the router yet.
pub(super) async fn run(router: &Igd, fresh: &(dyn Fn() -> Igd + Sync), site: &Site) -> Tried {
    let mut learned = Learned::default();
    if site
        .table
        .as_ref()
        .is_some_and(|read| !read.entries.is_empty())
    {
        learned.reading.saw_a_mapping();
    }
    let request = request(TRIAL_PORT, site.internal);
    let outcome = make(router, &request, &mut learned).await;
    let (usable, grant) = judge(outcome);
    let mut showing = Showing::Untried;
    if let Some(grant) = &grant {
        showing = Showing::of(grant.entry.as_ref(), grant.evidence == Evidence::ReadBack);
        tell_lease(grant.asked, grant.granted);
        tell_showing(router, &fresh(), showing).await;
        if site.is_slow {
            println!("  Nothing else is tried: it takes too long to answer.");
        } else {
            try_second(router, site.internal, &mut learned).await;
            renewal::check(router, &request, grant, &mut learned).await;
        }
    }
    give_back(router, &request, grant.is_some(), &mut learned).await;
    Tried {
        usable,
        showing,
        learned,
    }
}

/// A trial mapping.
pub(super) fn request(external: ExternalPort, internal: SocketAddrV4) -> MappingRequest {
    MappingRequest {
        external,
        internal,
        lease: Lease::from_seconds(TRIAL_LEASE),
        description: Description::for_name("doctor"),
    }
}

/// Asks for a mapping; again where the router said yes and shows nothing, for some never do.
async fn make(
    router: &dyn Gateway,
    request: &MappingRequest,
    learned: &mut Learned,
) -> Result<SecureOutcome, Error> {
    match verified::secure(router, request, Asked::First, learned).await {
        Err(Error::NotStored { .. }) => {
            // It may be there all the same, and in its own way.
            verified::release(router, released(request), learned).await?;
            verified::secure(router, request, Asked::Again, learned).await
        }
        outcome => outcome,
    }
}

/// Tells what became of the trial. Whether cameras can get ports, and the mapping.
fn judge(outcome: Result<SecureOutcome, Error>) -> (bool, Option<Grant>) {
    match outcome {
        Ok(SecureOutcome::Ours(grant)) => {
            println!(
                "Trial mapping on port {TRIAL_PORT}: granted, lease {}.",
                grant.granted
            );
            (true, Some(grant))
        }
        Ok(SecureOutcome::Theirs(_)) => {
            println!("Trial mapping on port {TRIAL_PORT}: somebody else has it; not tried.");
            (true, None)
        }
        Ok(SecureOutcome::NoRoom(why)) => {
            println!("Trial mapping on port {TRIAL_PORT}: {}", sentence(&why));
            println!("  Delete entries that nobody needs in the router's own pages.");
            (false, None)
        }
        Ok(SecureOutcome::Refused { why, .. } | SecureOutcome::NotAsked(why)) | Err(why) => {
            println!("Trial mapping on port {TRIAL_PORT}: {}", sentence(&why));
            (false, None)
        }
    }
}

fn tell_lease(asked: Lease, granted: Lease) {
    let stays = Stays::UntilItsEnd; // who may delete whose is not tried
    match granted {
        Lease::Permanent => tell(&RouterTrait::permanent_leases(stays)),
        Lease::Seconds(seconds) if seconds.get() > asked.as_seconds().max(TRIAL_LEASE) => {
            tell(&RouterTrait::long_leases(TRIAL_LEASE, seconds.get(), stays));
        }
        Lease::Seconds(_) => println!("  A dead camera's port becomes free by itself."),
    }
}

/// Whose the router says that the mapping is, and where it shows it.
async fn tell_showing(router: &dyn Gateway, fresh: &dyn Gateway, showing: Showing) {
    match showing {
        Showing::Untried => return,
        Showing::Entry(form) => tell(&RouterTrait::hides_owners(form)),
        Showing::Nothing => {
            tell(&RouterTrait::shows_nothing());
            println!(
                "  It may also have kept nothing: see whether a camera is reached from outside."
            );
            return;
        }
        Showing::Owner => {}
    }
    let alone = fresh.entry(TRIAL_PORT).await;
    let Ok(list) = router.table().await else {
        return;
    };
    match (alone, list.tcp(TRIAL_PORT)) {
        (Ok(None), Some(_)) => tell(&RouterTrait::list_only()),
        (Ok(Some(_)), None) if list.extent == Extent::Whole => {
            tell(&RouterTrait::incomplete_list());
        }
        _ => {}
    }
}

/// A second mapping to the same port of this machine, beside the first.
async fn try_second(router: &dyn Gateway, internal: SocketAddrV4, learned: &mut Learned) {
    let request = request(SECOND_PORT, internal);
    let outcome = make(router, &request, learned).await;
    match &outcome {
        Ok(SecureOutcome::Refused { .. }) => tell(&RouterTrait::one_per_inner_port()),
        Ok(SecureOutcome::NoRoom(why) | SecureOutcome::NotAsked(why)) | Err(why) => {
            println!("  A second mapping beside it: {}", sentence(why));
        }
        Ok(SecureOutcome::Ours(_) | SecureOutcome::Theirs(_)) => {}
    }
    let made = matches!(outcome, Ok(SecureOutcome::Ours(_)));
    give_back(router, &request, made, learned).await;
}

fn released(request: &MappingRequest) -> Released<'_> {
    Released {
        port: request.external,
        internal: request.internal,
        description: &request.description,
    }
}

/// Deletes a mapping that was asked for; `made`: it was there, so that it has to go.
pub(super) async fn give_back(
    router: &dyn Gateway,
    request: &MappingRequest,
    made: bool,
    learned: &mut Learned,
) {
    let port = request.external;
    let mut outcome = verified::release(router, released(request), learned).await;
    if outcome.is_err() {
        // An answer may get lost.
        outcome = verified::release(router, released(request), learned).await;
    }
    let hand = || manual_deletion::instructions(port, Some(router.identity().address));
    match outcome {
        Ok(Release::StillThere(why)) => {
            let why = why.map_or(String::new(), |why| format!(" {}", sentence(&why)));
            println!("  It could not be deleted again.{why} {}", hand());
        }
        // Nobody else had it a moment ago.
        Ok(Release::NotOurs) if made && !learned.reading.shows_what_it_has() => {
            println!("  It could not be deleted again. {}", hand());
        }
        Ok(Release::Released | Release::NotOurs) => {}
        Err(why) => println!("  Deleting it again failed: {} {}", sentence(&why), hand()),
    }
}
