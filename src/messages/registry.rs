//! To the registry actor.

use actix::Message;

use crate::fleet::{Advertised, Heard};
use porthole_types::InstanceId;

/// From the lan actor: another server has reported itself. Lost where the mailbox is full: the next
/// report says the same.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RecordReport(pub Heard);

/// From the lan actor: this server has said that it leaves, so it is shown no longer. Where that is
/// lost its silence says the same, later.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RemoveCamera(pub InstanceId);

/// From discovery: another server's entry in mDNS was seen, or has changed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RecordMdns(pub Advertised);

/// From discovery: this server's entry is in mDNS no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RemoveMdns(pub InstanceId);
