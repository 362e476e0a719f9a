//! The documentation: links, commands and settings are real, and commands that can run here do what they say.

mod commands;
mod links;
mod pages;
mod proxies;
mod session;
mod settings;
