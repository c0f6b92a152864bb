//! Every message between actors, and from the web server to actors: one file an addressee.
//!
//! An actor holds a `Recipient` of each message that it sends, never another actor's address or
//! type; [`tree`](crate::tree) hands them out. A message that finds its mailbox full or its actor
//! crashed is lost, so each says what that means; all of them may be sent again without harm.
//!
//! | message | sent by | to | answer |
//! |---|---|---|---|
//! | [`AskRouter`](router::AskRouter) | election | router | what became of the request |
//! | [`DeliverElectionMessage`](election::DeliverElectionMessage) | lan | election | |
//! | [`NoteReport`](election::NoteReport) | registry | election | |
//! | [`StepDown`](election::StepDown) | http | election | taken in hand |
//! | [`SetRemoteAccess`](election::SetRemoteAccess) | http | election | taken in hand |
//! | [`GiveUpMappings`](election::GiveUpMappings) | root | election | done |
//! | [`SendElectionMessage`](lan::SendElectionMessage) | election | lan | |
//! | [`RenameCamera`](lan::RenameCamera) | http | lan | done, or why not |
//! | [`FlushRepeats`](lan::FlushRepeats) | root | lan | done |
//! | [`RecordReport`](registry::RecordReport) | lan | registry | |
//! | [`RemoveCamera`](registry::RemoveCamera) | lan | registry | |
//! | [`RecordMdns`](registry::RecordMdns) | discovery | registry | |
//! | [`RemoveMdns`](registry::RemoveMdns) | discovery | registry | |
//! | [`WithdrawMdns`](discovery::WithdrawMdns) | root | discovery | done |
//! | [`PanicNow`] | http (debug) | every actor | none: it panics |
//!
//! Besides these, supervision sends `Resync` to discovery and election, and tells the actors that
//! own a thread when it has ended.

use actix::Message;

pub mod discovery;
pub mod election;
pub mod lan;
pub mod registry;
pub mod router;

/// To every actor, from `POST /api/v1/debug/crash/{actor}` (`debug.allow_crash`): panic. The sender
/// does not wait; an answer would be `MailboxError::Closed`.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PanicNow;
