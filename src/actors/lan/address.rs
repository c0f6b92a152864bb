//! The lan actor's watch over its interface: the sockets follow the address (¶41).

use std::net::SocketAddrV4;
use std::sync::{Arc, Once, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use tracing::{debug, info, warn};

use super::LanActor;
use crate::fleet::Occasion;
use crate::lan::{BoundPort, Rejection, Sockets, interface, listen};
use crate::shared::{KeyNoticePublisher, SharedState};

/// Until a cancelled future is gone.
const UNTIL_CANCELLED: Duration = Duration::from_millis(10);

impl LanActor {
    /// Looks at the interface; opens the sockets anew when the address is another one.
    pub(super) fn look(&mut self, ctx: &mut Context<Self>) {
        let shared = Arc::clone(&self.wired.shared);
        let settings = &shared.settings;
        let seen = interface::find(settings.node.interface.as_deref(), settings.http.bind);
        let changed = self.wired.address.publish(seen.clone());
        if changed {
            match &seen {
                Ok(lan) => info!(address = %lan.address, interface = %lan.name, "on the LAN"),
                Err(why) => warn!(%why, "no address on the LAN"),
            }
        }
        if changed && self.volatile.sockets.is_some() {
            self.close(ctx);
            // The cancelled listener still holds the port until this actor is polled again.
            ctx.run_later(UNTIL_CANCELLED, Self::look);
            return;
        }
        if self.volatile.sockets.is_none() && settings.lan.enabled {
            self.open(ctx);
        }
    }

    pub(super) fn close(&mut self, ctx: &mut Context<Self>) {
        self.volatile.sockets = None;
        if let Some(listener) = self.volatile.listener.take() {
            ctx.cancel_future(listener);
        }
    }

    fn open(&mut self, ctx: &mut Context<Self>) {
        let Some(lan) = self.wired.shared.lan_address() else {
            return;
        };
        let settings = &self.wired.shared.settings.lan;
        match Sockets::open(settings.transport, settings.group, &lan) {
            Ok(sockets) => {
                if sockets.port() == BoundPort::Ephemeral {
                    warn!(
                        "UDP port {} of {} is taken, probably by another camera on this machine: \
                         better give each an address of its own (http.bind)",
                        settings.group.port(),
                        lan.address
                    );
                }
                let sockets = Arc::new(sockets);
                let mut inbound_filter = self
                    .lasting
                    .inbound_filter
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                inbound_filter.set_address(lan.address);
                drop(inbound_filter);
                let (shared, keys) = (Arc::clone(&self.wired.shared), Arc::clone(&self.wired.keys));
                let heard = listen(
                    Arc::clone(&sockets),
                    Arc::clone(&self.lasting.inbound_filter),
                    move |why, from| refused(&shared, &keys, why, from),
                );
                self.volatile.listener = Some(ctx.add_stream(heard));
                self.volatile.sockets = Some(sockets);
                self.volatile.trouble = None;
                self.report(Occasion::Unasked);
            }
            Err(why) => {
                let why = why.to_string();
                // Said once: the next look is a second away, and would say the same.
                if self.volatile.trouble.as_ref() != Some(&why) {
                    warn!(%why, transport = %settings.transport, "cannot speak on the LAN yet");
                    self.volatile.trouble = Some(why);
                }
            }
        }
    }
}

/// A datagram that the inbound filter has not let through.
fn refused(shared: &SharedState, keys: &KeyNoticePublisher, why: Rejection, from: SocketAddrV4) {
    if why == Rejection::OwnMessage
        && Some(*from.ip()) != shared.lan_address().map(|lan| lan.address)
    {
        static SAID: Once = Once::new(); // it will be heard with every heartbeat
        SAID.call_once(|| {
            warn!(
                %from,
                "another device says that it is this camera: is its data directory a copy of this \
                 one's? Empty it there"
            );
        });
    }
    let Some(label) = why.reason() else {
        return;
    };
    debug!(%from, %why, "passed a datagram over");
    shared.metrics.lan_messages_rejected_total.of(label).inc();
    if let Rejection::Incompatible(why) = why {
        keys.hear(*from.ip(), why);
    }
}
