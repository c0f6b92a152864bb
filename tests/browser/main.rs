//! The pages in a real browser, with `porthole demo` behind them: what a person would see, click
//! and type.

#[path = "../support/browser.rs"]
mod browser;

mod accessibility;
mod demo;
mod fleet_page;
mod links;
mod login;
mod policy;
mod rotation;
mod settings_page;
