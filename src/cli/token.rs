//! `ladderd token`: makes, lists and revokes tokens, and makes sign-in links.

use clap::Subcommand;
use jiff::{Span, SpanRelativeTo, Timestamp};

use super::exit::{self, Exit};
use super::output::{print, say};
use crate::app;
use crate::auth::{Auth, NewToken};
use crate::domain::auth::Scope;
use crate::domain::auth::token::{Origin, SecretId, TokenRecord};
use crate::settings::Settings;

/// Commands for tokens.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it. It is shown this once: the appliance keeps a hash alone.
    Create {
        /// Name for people, such as the program that uses it.
        #[arg(long)]
        name: String,
        /// Right that it gives: upload, read, manage, metrics or admin. Can be given several times.
        #[arg(long = "scope", required = true, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// Time after which it ends, such as 90d or 12h [default: never].
        #[arg(long, value_parser = expiry)]
        expires: Option<Timestamp>,
    },
    /// List all tokens, those that have ended as well.
    List {
        /// Print the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token: it and its sessions end, on every box within 30 seconds.
    Revoke {
        /// Id of the token, as the list shows it.
        #[arg(value_parser = id)]
        id: SecretId,
    },
    /// Print a link that signs in to the page. It works once, for an hour.
    Link {
        /// Id of the token whose rights it gives [default: an admin token].
        #[arg(long, value_parser = id)]
        id: Option<SecretId>,
    },
}

/// The time after this span, such as `90d`.
fn expiry(text: &str) -> Result<Timestamp, String> {
    let span: Span = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let duration =
        duration.map_err(|_| "no months and years: say days, such as 365d".to_owned())?;
    if !duration.is_positive() {
        return Err("a token must last longer than that".to_owned());
    }
    Timestamp::now().checked_add(duration).map_err(|error| error.to_string())
}

fn id(text: &str) -> Result<SecretId, String> {
    SecretId::parse(text)
        .ok_or_else(|| "an id has 16 hex digits; see `ladderd token list`".to_owned())
}

/// Runs a command on the tokens of this appliance, whether its daemon runs or not.
pub(super) fn run(settings: &Settings, command: TokenCommand) -> Result<Exit, exit::Error> {
    let runtime = app::runtime().map_err(anyhow::Error::from)?;
    runtime.block_on(app::with_accounts(settings, async |auth| match command {
        TokenCommand::Create { name, scopes, expires } => {
            let new = NewToken { name, scopes, expires_at: expires, origin: Origin::Made };
            let (text, record) = auth.create(new).await?;
            print(&format!("{text}\n"))?;
            say(&format!("token {} was made; keep its text, it is not shown again", record.id));
            Ok(())
        }
        TokenCommand::List { json } => list(&auth, json).await,
        TokenCommand::Revoke { id } => {
            let record = auth.revoke(&id).await?;
            say(&format!("token {id} ({}) is revoked", record.name));
            Ok(())
        }
        TokenCommand::Link { id } => link(settings, &auth, id).await,
    }))?;
    Ok(Exit::Ok)
}

async fn link(settings: &Settings, auth: &Auth, id: Option<SecretId>) -> anyhow::Result<()> {
    let id = match id {
        Some(id) => id,
        None => auth.admin().await?.id,
    };
    let code = auth.create_code(&id).await?;
    print(&format!("{}\n", app::link(settings, &code)))?;
    Ok(())
}

async fn list(auth: &Auth, json: bool) -> anyhow::Result<()> {
    let tokens = auth.list().await?;
    if json {
        let rows: Vec<serde_json::Value> = tokens
            .iter()
            .map(|(token, used)| {
                serde_json::json!({
                    "id": token.id,
                    "name": token.name,
                    "scopes": token.scopes,
                    "created_at": token.created_at,
                    "expires_at": token.expires_at,
                    "revoked_at": token.revoked_at,
                    "last_used_at": used,
                })
            })
            .collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        return Ok(());
    }
    let now = Timestamp::now();
    let date = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M").to_string();
    for (token, used) in tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
        let used = used.map_or_else(|| "never".to_owned(), date);
        print(&format!(
            "{}  {}  {}  used {used}  {}\n",
            token.id,
            state(&token, now, date),
            scopes.join(","),
            token.name
        ))?;
    }
    Ok(())
}

fn state(token: &TokenRecord, now: Timestamp, date: impl Fn(Timestamp) -> String) -> String {
    match (token.revoked_at, token.expires_at) {
        (Some(revoked), _) => format!("revoked {}", date(revoked)),
        (None, Some(expires)) if expires <= now => format!("expired {}", date(expires)),
        (None, Some(expires)) => format!("until {}", date(expires)),
        (None, None) => "valid".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lasts_for_hours_or_days() {
        let secs =
            |text: &str| expiry(text).map(|end| end.duration_since(Timestamp::now()).as_secs());
        let near = |text: &str, expected: i64| {
            let found = secs(text).unwrap();
            assert!((expected - 5..=expected).contains(&found), "{text}: {found}");
        };
        near("90d", 90 * 86_400);
        near("12h", 12 * 3600);
        near("2w", 14 * 86_400);
        for wrong in ["", "90", "soon", "0s", "-1d", "1 month"] {
            assert!(expiry(wrong).is_err(), "{wrong}");
        }
    }
}
