//! `LanActor`: this server's place on the LAN.
//!
//! Owns the group's socket and the watch over the interface's address (¶41: it waits for one, and
//! notices when it changes). Restarts with a new socket. Loses what was in the old socket's buffer:
//! a report, at worst, and the next is a heartbeat away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::net::UdpSocket;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use super::registry::{Hear, RegistryActor};
use crate::cells::Cells;
use crate::fleet::Heard;
use crate::lan::{Group, MAX_DATAGRAM, Report, interface, open};
use crate::metrics::{Direction, Kind};

/// How often the interface is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// See the module.
pub struct LanActor {
    cells: Arc<Cells>,
    registry: Addr<RegistryActor>,
    life: Life,
}

#[derive(Default)]
struct Life {
    socket: Option<Arc<UdpSocket>>,
    listener: Option<SpawnHandle>,
}

impl LanActor {
    /// An actor that has yet to look for its interface.
    pub fn new(cells: Arc<Cells>, registry: Addr<RegistryActor>) -> Self {
        Self {
            cells,
            registry,
            life: Life::default(),
        }
    }

    /// Looks at the interface; joins the group anew when the address is another one.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let cells = Arc::clone(&self.cells);
        let settings = &cells.settings;
        let seen = interface::find(settings.node.interface.as_deref(), settings.http.bind);
        let changed = self.cells.lan.send_if_modified(|known| {
            let changed = *known != seen;
            if changed {
                match &seen {
                    Ok(lan) => info!(address = %lan.address, interface = %lan.name, "on the LAN"),
                    Err(why) => warn!(%why, "no address on the LAN"),
                }
                *known = seen;
            }
            changed
        });
        if changed {
            self.leave_group(ctx);
        }
        if self.life.socket.is_none() && settings.lan.enabled {
            self.join_group(ctx);
        }
    }

    fn leave_group(&mut self, ctx: &mut Context<Self>) {
        self.life.socket = None;
        if let Some(listener) = self.life.listener.take() {
            ctx.cancel_future(listener);
        }
    }

    fn join_group(&mut self, ctx: &mut Context<Self>) {
        let Some(lan) = self.cells.lan_address() else {
            return;
        };
        let group = Group {
            address: self.cells.settings.lan.group,
            interface: lan.address,
        };
        match open(group) {
            Ok(socket) => {
                let socket = Arc::new(socket);
                self.life.socket = Some(Arc::clone(&socket));
                let listener = listen(socket, Arc::clone(&self.cells), self.registry.clone());
                let ended = listener.into_actor(self).map(|why, actor, ctx| {
                    warn!(%why, "lost the LAN group, joining it again");
                    actor.leave_group(ctx);
                });
                self.life.listener = Some(ctx.spawn(ended));
                self.report();
            }
            // Said at debug level: the next look is a second away, and would say the same.
            Err(why) => debug!(%why, group = %group.address, "cannot join the LAN group yet"),
        }
    }

    /// Says unasked where this server is (¶47, ¶64).
    fn report(&self) {
        let (Some(socket), Some(me)) = (&self.life.socket, self.cells.myself()) else {
            return;
        };
        let Some(http_port) = crate::ids::InternalPort::new(me.lan.port()) else {
            return;
        };
        let report = Report {
            id: me.id,
            name: me.name,
            http_port,
            external: me.external,
            term: self.cells.role.load().term,
            activity: me.activity,
        };
        // UDP: a full buffer loses it, like the network would.
        match socket.try_send_to(&report.encode(), self.cells.settings.lan.group.into()) {
            Ok(_) => count(&self.cells, Direction::Sent),
            Err(why) => debug!(%why, "a report could not be sent"),
        }
    }
}

fn count(cells: &Cells, direction: Direction) {
    cells
        .metrics
        .lan_messages_total
        .of((Kind::Report, direction))
        .inc();
}

/// Reads the group until the socket fails. A datagram is decoded before anything else is done with it.
async fn listen(
    socket: Arc<UdpSocket>,
    cells: Arc<Cells>,
    registry: Addr<RegistryActor>,
) -> std::io::Error {
    // One byte more than allowed, so that what is too long is seen to be so.
    let mut buffer = [0; MAX_DATAGRAM + 1];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(why) => return why,
        };
        match (Report::decode(&buffer[..length]), from) {
            (Ok(report), SocketAddr::V4(from)) if report.id != cells.identity.id => {
                count(&cells, Direction::Received);
                let heard = Heard {
                    report,
                    from: *from.ip(),
                    at: Instant::now(),
                };
                // A full mailbox loses it, like the network would.
                let _ = registry.try_send(Hear(heard));
            }
            (Ok(_), _) => {}
            (Err(why), from) => {
                debug!(%from, %why, "passed a datagram over");
                cells
                    .metrics
                    .lan_messages_rejected_total
                    .of(why.label())
                    .inc();
            }
        }
    }
}

impl Actor for LanActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(LOOK, Self::look);
        ctx.run_interval(self.cells.settings.lan.heartbeat, |actor, _| actor.report());
    }
}

impl Supervised for LanActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.life = Life::default();
    }
}

crashes_on_demand!(LanActor);
