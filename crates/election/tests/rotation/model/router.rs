//! The router of the model: one entry, with a lease, and a step for each part of a request. How it
//! misleads is the site's [`Habit`].

use porthole_election::{
    Event, Evidence, Owner, OwnerKind, PriorEntry, Renewal, Request, Shown, Timestamp,
};

use super::site::{Habit, Site};
use super::world::{Stage, World};
use super::{LEASE, address};
use crate::config::leadership;
use porthole_sim_router::Access;

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
        let taken = |holder: usize, ends: Timestamp| Event::Taken {
            port: leadership(),
            expires_in: Some(ends.after(now)),
            by: Some(Owner {
                address: address(holder),
                kind: OwnerKind::Porthole,
            }),
        };
        let mine = world.entry.is_some_and(|(holder, _)| holder == who);
        let hidden = self.habit == Habit::Hidden;
        let port = leadership();
        let stage = match (job.request, job.stage, world.entry) {
            (Request::Secure { .. } | Request::Remake { .. }, _, Some(_)) if !mine && hidden => {
                let shown = Shown::Nothing;
                Stage::Done(Event::Refused { port, shown })
            }
            (Request::Secure { .. } | Request::Remake { .. }, _, Some((holder, ends))) if !mine => {
                Stage::Done(taken(holder, ends))
            }
            (Request::Remake { .. }, Stage::Sent, Some(_)) if !hidden => {
                world.entry = None;
                Stage::Remaking
            }
            (Request::Secure { .. } | Request::Remake { .. }, _, None)
                if self.habit == Habit::OnePerInner && world.nodes[who].has_own =>
            {
                let shown = Shown::Nobody;
                Stage::Done(Event::Refused { port, shown })
            }
            (Request::Secure { .. }, _, Some(_)) if self.habit == Habit::Refuses => {
                let shown = Shown::Ours;
                Stage::Done(Event::Refused { port, shown })
            }
            (Request::Secure { .. } | Request::Remake { .. }, _, old) => {
                let (ends, renewal) = match (self.habit, old) {
                    (Habit::KeepsEnd, Some((_, ends))) => (ends, Renewal::Unchanged),
                    (Habit::Hidden, _) | (_, None) => (now + LEASE, Renewal::New),
                    (_, Some(_)) => (now + LEASE, Renewal::Extended),
                };
                world.entry = Some((who, ends));
                let (before, evidence) = match old {
                    _ if hidden => (PriorEntry::Free, Evidence::Answer),
                    Some(_) => (PriorEntry::Ours, Evidence::ReadBack),
                    None => (PriorEntry::Free, Evidence::ReadBack),
                };
                Stage::Done(Event::Secured {
                    port,
                    sent_at: job.sent_at,
                    granted: Some(ends.after(now)),
                    before,
                    evidence,
                    renewal,
                })
            }
            // What is not seen is deleted as far as the router lets it be.
            (Request::Release(port), _, Some((holder, _))) if hidden && !mine => {
                if self.deletes == Access::Open {
                    world.entry = None;
                    if world.nodes[holder].alive {
                        world.nodes[holder].robbed.get_or_insert(now);
                    }
                }
                Stage::Done(Event::Released(port))
            }
            (Request::Evict { port, .. }, _, _) if hidden => Stage::Done(Event::Evicted(port)),
            (Request::Release(port), _, _) => {
                if mine {
                    world.entry = None;
                }
                Stage::Done(Event::Released(port))
            }
            (Request::Evict { port, from }, Stage::Sent, Some((holder, ends))) => {
                if address(holder) == from {
                    Stage::Deleting
                } else if holder == who {
                    Stage::Done(Event::Evicted(port))
                } else {
                    Stage::Done(taken(holder, ends))
                }
            }
            (Request::Evict { port, .. }, Stage::Deleting, Some((holder, _)))
                if self.deletes == Access::Open =>
            {
                world.entry = None;
                if world.nodes[holder].alive {
                    world.nodes[holder].robbed.get_or_insert(now);
                }
                Stage::Done(Event::Evicted(port))
            }
            (Request::Evict { port, .. }, Stage::Deleting, Some(_)) => {
                Stage::Done(Event::Irremovable(port))
            }
            (Request::Evict { port, .. }, _, None) => Stage::Done(Event::Evicted(port)),
            (Request::Evict { .. }, stage, Some(_)) => stage,
        };
        if let Some(job) = &mut world.nodes[who].job {
            if stage == Stage::Remaking {
                job.sent_at = now; // the request that wins it is sent from here on
            }
            job.stage = stage;
        }
    }
}
