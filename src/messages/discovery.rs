//! To the discovery actor.

use actix::Message;

/// From the root, when the program ends: take this server's entries out of mDNS. Answered when the
/// LAN has been told (a daemon that is merely dropped says no goodbye).
#[derive(Message)]
#[rtype(result = "()")]
pub struct WithdrawMdns;
