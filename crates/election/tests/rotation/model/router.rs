//! The router of the model: one entry, with a lease, and a step for each part of a request.

use porthole_election::{
    Event, Evidence, Owner, OwnerKind, PriorEntry, Renewal, Request, Timestamp,
};

use super::site::Site;
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
        let stage = match (job.request, job.stage, world.entry) {
            (Request::Secure { .. } | Request::Remake { .. }, _, Some((holder, ends))) if !mine => {
                Stage::Done(taken(holder, ends))
            }
            (Request::Secure { .. } | Request::Remake { .. }, _, _) => {
                world.entry = Some((who, now + LEASE));
                Stage::Done(Event::Secured {
                    port: leadership(),
                    sent_at: job.sent_at,
                    granted: Some(LEASE),
                    before: if mine {
                        PriorEntry::Ours
                    } else {
                        PriorEntry::Free
                    },
                    evidence: Evidence::ReadBack,
                    renewal: Renewal::Extended,
                })
            }
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
            (Request::Evict { .. }, Stage::Done(event), Some(_)) => Stage::Done(event),
        };
        if let Some(job) = &mut world.nodes[who].job {
            job.stage = stage;
        }
    }
}
