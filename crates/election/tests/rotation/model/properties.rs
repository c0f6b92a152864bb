//! What must hold in every state, by the names that the simulation's invariants have
//! (`invariants`).

use porthole_election::{Event, InnerPorts};
use stateright::Property;

use super::LEASE;
use super::site::{Habit, Site};
use super::world::{Job, Node, Stage, World};
use porthole_sim_router::Access;

/// All of them. The last ones are there so that the rest is not true of nothing.
pub(super) fn all() -> Vec<Property<Site>> {
    vec![
        Property::always("S1: at most one believes", |_, world: &World| {
            let believers = (0..world.nodes.len())
                .filter(|who| world.believes(*who) && world.nodes[*who].robbed.is_none());
            believers.count() <= 1
        }),
        Property::always("S1d: who was replaced notices", |_, world: &World| {
            (0..world.nodes.len()).all(|who| {
                let robbed = world.nodes[who].robbed;
                !world.believes(who) || robbed.is_none_or(|at| world.now <= at + LEASE)
            })
        }),
        Property::always("S2: its mapping outlasts its belief", |_, world: &World| {
            (0..world.nodes.len()).all(|who| {
                let node = &world.nodes[who];
                let until = node.state.leadership.map(|leadership| leadership.deadline);
                let covered = world
                    .entry
                    .is_some_and(|(holder, ends)| holder == who && until <= Some(ends));
                !world.believes(who) || node.robbed.is_some() || covered
            })
        }),
        Property::always(
            "S3: one lost message moves nothing",
            |site: &Site, world: &World| {
                let calm = site.losses - world.losses <= 1
                    && world.crashes == site.crashes
                    && world.delays == site.delays;
                // Its mapping may be gone for the moment in which it is made anew.
                let holds = match world.entry {
                    Some((holder, _)) => holder == 0,
                    None => world.nodes[0].state.is_in_gap(world.now),
                };
                !calm || holds
            },
        ),
        Property::always("S4: each change raises the term", |_, world: &World| {
            world.wrong != Some("S4")
        }),
        Property::always("S5: taking up again keeps it", |_, world: &World| {
            world.wrong != Some("S5")
        }),
        Property::sometimes("leadership is taken over", |_, world: &World| {
            world.taken_over
        }),
        Property::sometimes(
            "a mapping is deleted for another",
            |site: &Site, world: &World| {
                let evicted = |job: &Job| matches!(job.stage, Stage::Done(Event::Evicted(_)));
                site.deletes == Access::Secure
                    || site.habit == Habit::Hidden // nobody can be named
                    || world
                        .nodes
                        .iter()
                        .any(|node| node.job.as_ref().is_some_and(evicted))
            },
        ),
        Property::sometimes("a mapping is made anew", |site: &Site, world: &World| {
            let remade = |node: &Node| node.state.last_gap.is_some();
            let extends = !matches!(site.habit, Habit::KeepsEnd | Habit::Refuses);
            extends || world.nodes.iter().any(remade)
        }),
        Property::sometimes(
            "an own port is given up for the representative's",
            |site: &Site, world: &World| {
                let one = |node: &Node| node.state.inner == InnerPorts::One;
                site.habit != Habit::OnePerInner || world.nodes.iter().any(one)
            },
        ),
    ]
}
