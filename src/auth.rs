//! Accounts: tokens, sessions, sign-in codes and upload grants.
//!
//! All of it is in named objects below `auth/` in the private bucket, so that every box of a fleet knows it, and
//! nothing but hashes of secrets is stored. A box keeps what it has read for [`FRESH`], so a revoked token ends
//! within that time on every box.

mod accounts;
mod codes;
mod config;
mod configured;
mod error;
mod grants;
mod known;
mod session_key;
mod sessions;
mod sweep;
mod tokens;

pub use self::accounts::Auth;
pub use self::codes::CODE_TTL;
pub use self::config::{Config, Mode, RoleConfig, TokenConfig};
pub use self::error::Error;
pub use self::grants::Grant;
pub use self::known::{FRESH, STALE};
pub use self::sessions::Session;
pub use self::tokens::NewToken;
