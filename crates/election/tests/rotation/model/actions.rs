//! What can happen in a site, and what follows from it: how it begins, which steps there are,
//! where each leads.

use std::collections::BTreeSet;

use porthole_election::{Event, Memory, State, Timestamp};
use porthole_types::Term;
use stateright::{Model, Property};

use super::site::Site;
use super::world::{Node, Stage, World};
use super::{peer, properties};

/// One step of the world. Messages are delivered in the order in which they were said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Deliver,
    Drop(usize),
    Wake(usize),
    Router(usize),
    Answer(usize),
    LoseAnswer(usize),
    Crash(usize),
    Start(usize),
    Pass,
}

impl Model for Site {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let node = Node {
            state: State::new(Term(0), None, Memory::None),
            alive: true,
            wake: None,
            job: None,
            disk: (Term(0), Memory::None, None, BTreeSet::new()),
            has_own: false,
            robbed: None,
        };
        let mut world = World {
            now: Timestamp(0),
            nodes: vec![node; self.rules.len()],
            entry: None,
            mail: Vec::new(),
            losses: self.losses,
            crashes: self.crashes,
            delays: self.delays,
            last: (0, Term(0)),
            wrong: None,
            taken_over: false,
        };
        for who in 0..self.rules.len() {
            self.tell(&mut world, who, &Event::RouterFound);
            self.router(&mut world, who);
            let answer = world.nodes[who].job.take().map(|job| job.stage);
            if let Some(Stage::Done(event)) = answer {
                self.tell(&mut world, who, &event);
            }
        }
        while !world.mail.is_empty() {
            world = self
                .next_state(&world, Action::Deliver)
                .expect("there is mail");
        }
        for who in 0..self.rules.len() {
            for other in (0..self.rules.len()).filter(|other| *other != who) {
                let event = Event::Reported {
                    from: peer(other),
                    external: world.nodes[other]
                        .state
                        .external_port(&self.rules[other], world.now),
                    term: Term(1),
                };
                self.tell(&mut world, who, &event);
            }
        }
        world.taken_over = false;
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if let Some(mail) = world.mail.first() {
            actions.push(Action::Deliver);
            if world.losses > 0 {
                let alive = mail.to.iter().filter(|to| world.nodes[**to].alive);
                actions.extend(alive.map(|to| Action::Drop(*to)));
            }
            return;
        }
        let mut due = false;
        let mut under_way = false;
        for (who, node) in world.nodes.iter().enumerate() {
            if !node.alive {
                actions.push(Action::Start(who));
                continue;
            }
            if node.wake.is_some_and(|at| at <= world.now) && !due {
                due = true;
                actions.push(Action::Wake(who));
            }
            if let Some(job) = &node.job {
                under_way = true;
                match job.stage {
                    Stage::Done(_) => {
                        actions.push(Action::Answer(who));
                        if world.losses > 0 {
                            actions.push(Action::LoseAnswer(who));
                        }
                    }
                    Stage::Sent | Stage::Deleting => actions.push(Action::Router(who)),
                    Stage::Remaking => {
                        actions.push(Action::Router(who));
                        if world.losses > 0 {
                            actions.push(Action::LoseAnswer(who)); // it never gets there
                        }
                    }
                }
            }
            if world.crashes > 0 {
                actions.push(Action::Crash(who));
            }
        }
        if !due && (!under_way || world.delays > 0) {
            actions.push(Action::Pass);
        }
    }

    fn next_state(&self, old: &World, action: Action) -> Option<World> {
        let mut world = old.clone();
        match action {
            Action::Deliver | Action::Drop(_) => {
                let mail = world.mail.remove(0);
                for to in mail.to {
                    if action == Action::Drop(to) {
                        world.losses -= 1;
                    } else if world.nodes[to].alive {
                        let from = peer(mail.from);
                        let message = mail.message;
                        self.tell(&mut world, to, &Event::Heard { from, message });
                    }
                }
            }
            Action::Wake(who) => self.tell(&mut world, who, &Event::Tick),
            Action::Router(who) => self.router(&mut world, who),
            Action::Answer(who) => {
                let job = world.nodes[who].job.take()?;
                if let Stage::Done(event) = job.stage {
                    self.tell(&mut world, who, &event);
                }
            }
            Action::LoseAnswer(who) => {
                let job = world.nodes[who].job.take()?;
                world.losses -= 1;
                self.tell(&mut world, who, &Event::Failed(job.request));
            }
            Action::Crash(who) => {
                world.crashes -= 1;
                let node = &mut world.nodes[who];
                node.alive = false;
                node.job = None;
                node.wake = None;
                node.robbed = None;
                let (term, memory, port, ledger) = node.disk.clone();
                node.state = State::new(term, port, memory).with_ledger(ledger);
            }
            Action::Start(who) => {
                world.nodes[who].alive = true;
                self.tell(&mut world, who, &Event::RouterFound);
            }
            Action::Pass => {
                let next = world.next_time()?;
                if world.nodes.iter().any(|node| node.job.is_some()) {
                    world.delays -= 1;
                }
                world.now = next;
                if world.entry.is_some_and(|(_, ends)| ends <= next) {
                    world.entry = None;
                }
            }
        }
        for who in 0..world.nodes.len() {
            // By its own clock, or by asking: a robbery ends when belief does, or when the mapping
            // is back.
            let has = world.entry.is_some_and(|(holder, _)| holder == who);
            if world.nodes[who].state.leadership.is_none() && world.nodes[who].job.is_none() || has
            {
                world.nodes[who].robbed = None;
            }
        }
        Some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.now <= self.horizon
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
