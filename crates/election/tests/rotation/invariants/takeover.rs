//! M1 and C1: how a successor goes about taking leadership over.

use porthole_election::{Candidacy, LanMessaging, Lifecycle, MakeRoom, RemoteAccess, State};
use porthole_types::ExternalPort;

use super::{Broken, Invariants};
use crate::config::{Millis, leadership};
use crate::server::Server;
use crate::wire::Wire;

impl Invariants {
    /// Since when it has been a successor, for C1.
    pub(super) fn note_successor(&mut self, now: Millis, server: usize, it: &Server) {
        let successor = matches!(it.state.candidacy, Candidacy::Acquiring { .. });
        let record = &mut self.records[server];
        record.successor_since = if successor {
            record.successor_since.or(Some(now))
        } else {
            None
        };
    }

    /// M1: make before break. The own port is given up with the representative port in hand, for
    /// want of room, or on leaving.
    pub(super) fn may_release(
        &mut self,
        now: Millis,
        server: usize,
        old: &State,
        it: &Server,
        port: ExternalPort,
    ) {
        if port == leadership() {
            return;
        }
        // One whose lease has ended, as far as its holder knows, is another's to have.
        let had = old.own.is_some_and(|own| own.port == port)
            && it.state.own.is_some_and(|own| own.port == port);
        let may = it.state.leadership.is_some()
            || it.state.make_room != MakeRoom::NotNeeded
            || it.state.remote_access == RemoteAccess::Off
            || matches!(it.state.lifecycle, Lifecycle::Leaving | Lifecycle::Gone);
        if had && !may {
            self.breaks(
                "M1",
                now,
                format!("s{server} gives up {port} before it has the representative port"),
            );
        }
    }

    /// C1 (claim 10): of two that hear each other, one goes on.
    pub(super) fn claimants(&mut self, now: Millis, servers: &[Server], wire: &Wire) {
        let patience = self.config.heartbeat / 2;
        let successors: Vec<usize> = (0..servers.len())
            .filter(|index| {
                let server = &servers[*index];
                server.runs()
                    && server.state.lifecycle == Lifecycle::Running
                    && now > server.frozen_until + patience
                    && self.records[*index]
                        .successor_since
                        .is_some_and(|since| now > since + patience)
            })
            .collect();
        let heard = |a: usize, b: usize| {
            !wire.cut[a][b]
                && wire.spoiled[a][b]
                    .is_none_or(|at| now > at + patience + 2 * self.config.heartbeat)
        };
        for (index, one) in successors.iter().enumerate() {
            for other in &successors[index + 1..] {
                if self.config.lan == LanMessaging::Enabled
                    && heard(*one, *other)
                    && heard(*other, *one)
                {
                    let what = format!("s{one} and s{other} go on as successors side by side");
                    self.broken.get_or_insert(Broken::new("C1", now, what));
                }
            }
        }
    }
}
