//! The router of the model: one entry, with a lease, and a step for each part of a request. How it
//! misleads is the site's [`Habit`].

use std::net::Ipv4Addr;

use porthole_election::{
    Event, Evidence, Owner, OwnerKind, PriorEntry, Renewal, Request, Shown, Timestamp,
};

use super::site::{Habit, Site};
use super::world::{Job, Stage, World};
use super::{LEASE, address};
use crate::config::leadership;
use porthole_sim_router::Access;
use porthole_types::ExternalPort;

impl Site {
    /// The router does the next part of a request.
    pub(super) fn router(&self, world: &mut World, who: usize) {
        let now = world.now;
        if world.entry.is_some_and(|(_, ends)| ends <= now) {
            world.entry = None;
        }
        let Some(job) = world.nodes[who].job.clone() else {
            return;
        };
        let stage = match job.request {
            Request::Secure { .. } | Request::Remake { .. } => self.map(world, who, &job),
            Request::Release(port) => self.release(world, who, port),
            Request::Evict { from, .. } => self.evict(world, who, from, job.stage),
        };
        if let Some(job) = &mut world.nodes[who].job {
            if stage == Stage::Remaking {
                job.sent_at = now; // the request that wins it is sent from here on
            }
            job.stage = stage;
        }
    }

    /// The port is mapped, or what is there is deleted to be mapped anew.
    fn map(&self, world: &mut World, who: usize, job: &Job) -> Stage {
        let (now, port) = (world.now, leadership());
        let refused = |shown| Stage::Done(Event::Refused { port, shown });
        let hidden = self.habit == Habit::Hidden;
        match (job.request, &job.stage, world.entry) {
            (_, _, Some((holder, _))) if holder != who && hidden => {
                return refused(Shown::Nothing);
            }
            (_, _, Some((holder, ends))) if holder != who => {
                return Stage::Done(taken(holder, ends, now));
            }
            (Request::Remake { .. }, Stage::Sent, Some(_)) if !hidden => {
                world.entry = None;
                return Stage::Remaking;
            }
            (_, _, None) if self.habit == Habit::OnePerInner && world.nodes[who].has_own => {
                return refused(Shown::Nobody);
            }
            (Request::Secure { .. }, _, Some(_)) if self.habit == Habit::Refuses => {
                return refused(Shown::Ours);
            }
            _ => {}
        }
        let (ends, renewal) = match (self.habit, world.entry) {
            (Habit::KeepsEnd, Some((_, ends))) => (ends, Renewal::Unchanged),
            (Habit::Hidden, _) | (_, None) => (now + LEASE, Renewal::New),
            (_, Some(_)) => (now + LEASE, Renewal::Extended),
        };
        let (before, evidence) = match world.entry {
            _ if hidden => (PriorEntry::Free, Evidence::Answer),
            Some(_) => (PriorEntry::Ours, Evidence::ReadBack),
            None => (PriorEntry::Free, Evidence::ReadBack),
        };
        world.entry = Some((who, ends));
        Stage::Done(Event::Secured {
            port,
            sent_at: job.sent_at,
            granted: Some(ends.after(now)),
            before,
            evidence,
            renewal,
        })
    }

    /// What is not seen is deleted as far as the router lets it be.
    fn release(&self, world: &mut World, who: usize, port: ExternalPort) -> Stage {
        match world.entry {
            Some((holder, _)) if holder == who => world.entry = None,
            Some((holder, _)) if self.habit == Habit::Hidden && self.deletes == Access::Open => {
                rob(world, holder);
            }
            Some(_) | None => {}
        }
        Stage::Done(Event::Released(port))
    }

    /// Another's mapping is read, and deleted.
    fn evict(&self, world: &mut World, who: usize, from: Ipv4Addr, stage: Stage) -> Stage {
        let port = leadership();
        match (stage, world.entry) {
            (_, None) => Stage::Done(Event::Evicted(port)),
            // There is nothing to be seen.
            _ if self.habit == Habit::Hidden => Stage::Done(Event::Evicted(port)),
            (Stage::Sent, Some((holder, _))) if address(holder) == from => Stage::Deleting,
            (Stage::Sent, Some((holder, _))) if holder == who => Stage::Done(Event::Evicted(port)),
            (Stage::Sent, Some((holder, ends))) => Stage::Done(taken(holder, ends, world.now)),
            (Stage::Deleting, Some((holder, _))) if self.deletes == Access::Open => {
                rob(world, holder);
                Stage::Done(Event::Evicted(port))
            }
            (Stage::Deleting, Some(_)) => Stage::Done(Event::Irremovable(port)),
            (stage, Some(_)) => stage,
        }
    }
}

/// The mapping is deleted by another than its holder.
fn rob(world: &mut World, holder: usize) {
    world.entry = None;
    if world.nodes[holder].alive {
        world.nodes[holder].robbed.get_or_insert(world.now);
    }
}

fn taken(holder: usize, ends: Timestamp, now: Timestamp) -> Event {
    Event::Taken {
        port: leadership(),
        expires_in: Some(ends.after(now)),
        by: Some(Owner {
            address: address(holder),
            kind: OwnerKind::Porthole,
        }),
    }
}
