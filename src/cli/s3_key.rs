//! `ladderd s3-key`: access keys of the embedded store that are limited to a part of a bucket.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context as _;
use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::exit::{self, Exit};
use super::output::{print, say};
use crate::app;
use crate::db::{self, Db};
use crate::embedded::Grant;
use crate::embedded::keys::{self, AccessKey};
use crate::settings::Settings;
use crate::store;

/// Commands for access keys. A daemon may run: it obeys at once.
#[derive(Debug, Subcommand)]
pub(super) enum S3KeyCommand {
    /// Create a key for the objects of a bucket whose keys begin with a prefix, and print it with its secret.
    Create {
        /// Bucket of the objects.
        #[arg(long)]
        bucket: String,
        /// Begin of the keys, such as `team-a/`.
        #[arg(long)]
        prefix: String,
        /// Let the holder read and list objects.
        #[arg(long)]
        read: bool,
        /// Let the holder write, replace and delete objects.
        #[arg(long)]
        write: bool,
        /// Time until the key expires, such as 90d, 12h, 30m or 60s [default: never].
        #[arg(long, value_name = "TIME", value_parser = age)]
        expires: Option<SignedDuration>,
        /// Name of the key for people.
        #[arg(long)]
        name: String,
        /// Print the key as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print all keys without their secrets. The root key in `credentials.json` is not among them.
    List {
        /// Print the keys as JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a key.
    ///
    /// Exits with 0 if the key has ended, and with 1 if there is none with this id.
    Revoke {
        /// Id of the key.
        id: String,
    },
}

/// Runs a command on the keys of the store in the data directory.
pub(super) fn run(settings: &Settings, command: S3KeyCommand) -> Result<Exit, exit::Error> {
    if settings.store.kind != store::Kind::Embedded {
        let reason = anyhow::anyhow!("store.kind = \"s3\": the keys of S3 are those of AWS (IAM)");
        return Err(exit::Error { reason, exit: Exit::Usage });
    }
    let db = database(&settings.data_dir)?;
    match command {
        S3KeyCommand::Create { bucket, prefix, read, write, expires, name, json } => {
            let grant = Grant { bucket, prefix, reads: read, writes: write };
            let buckets = [&settings.store.private_bucket, &settings.store.public_bucket];
            let faults = grant.faults(buckets.map(String::as_str));
            if !faults.is_empty() {
                return Err(exit::Error {
                    reason: anyhow::anyhow!(faults.join("; ")),
                    exit: Exit::Usage,
                });
            }
            let expires = expires.map(|age| Timestamp::now().checked_add(age)).transpose();
            let expires = expires.context("failed to compute the end of the key")?;
            let created = keys::create(&db, &name, grant, expires);
            let (key, secret) = created.context("failed to store the key")?;
            show(&key, &secret, json)
        }
        S3KeyCommand::List { json } => {
            list(&keys::list(&db).context("failed to read the keys")?, json)
        }
        S3KeyCommand::Revoke { id } => {
            if keys::revoke(&db, &id).context("failed to remove the key")? {
                say(&format!("revoked {id}"));
                return Ok(Exit::Ok);
            }
            say(&format!("ladderd: there is no key {id}; `ladderd s3-key list` prints all"));
            Ok(Exit::Failed)
        }
    }
}

/// Prints a new key.
fn show(key: &AccessKey, secret: &str, json: bool) -> Result<Exit, exit::Error> {
    if json {
        let key = json!({"access_key_id": key.id, "secret_access_key": secret, "key": key});
        print(&format!("{key:#}\n"))?;
    } else {
        print(&format!("access_key_id = {}\nsecret_access_key = {secret}\n", key.id))?;
        say("the secret is not shown again");
    }
    Ok(Exit::Ok)
}

fn list(keys: &[AccessKey], json: bool) -> Result<Exit, exit::Error> {
    if json {
        let keys = serde_json::to_string_pretty(keys).context("failed to print the keys")?;
        print(&format!("{keys}\n"))?;
        return Ok(Exit::Ok);
    }
    for key in keys {
        let rights = match (key.grant.reads, key.grant.writes) {
            (true, true) => "read, write",
            (true, false) => "read",
            (false, true) => "write",
            (false, false) => "nothing",
        };
        let expires = match key.expires {
            None => "does not expire".to_owned(),
            Some(at) if key.is_expired(Timestamp::now()) => format!("expired {at:.0}"),
            Some(at) => format!("expires {at:.0}"),
        };
        let Grant { bucket, prefix, .. } = &key.grant;
        print(&format!("{}  {}  {bucket}/{prefix}  {rights}  {expires}\n", key.id, key.name))?;
    }
    Ok(Exit::Ok)
}

/// The database of a store that exists and that other users cannot read: it holds secrets.
fn database(data_dir: &Path) -> anyhow::Result<Db> {
    app::private_files();
    let path = data_dir.join(db::FILE);
    let shown = path.display();
    let metadata = std::fs::metadata(&path);
    let metadata = metadata.with_context(|| {
        format!("{shown} cannot be read: start the daemon once, or name its folder with --data-dir")
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    anyhow::ensure!(
        mode & 0o700 == mode,
        "other users have access to {shown} (mode {mode:04o}), which holds the secrets: chmod 600 {shown}"
    );
    Db::open(&path).context("failed to open the database")
}

/// A time in words of one number and one unit.
fn age(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "allowed: a number with d, h, m or s behind it, such as 90d".to_owned();
    let (unit_at, unit) = text.char_indices().next_back().ok_or_else(wrong)?;
    let number: u32 = text[..unit_at].parse().map_err(|_| wrong())?;
    let secs = match unit {
        'd' => 86_400,
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return Err(wrong()),
    };
    if number == 0 {
        return Err(wrong());
    }
    Ok(SignedDuration::from_secs(i64::from(number) * secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_number_and_a_unit() {
        let table = [
            ("90d", Some(90 * 86_400)),
            ("12h", Some(12 * 3600)),
            ("30m", Some(1800)),
            ("1s", Some(1)),
            ("0d", None),
            ("-1d", None),
            ("d", None),
            ("90", None),
            ("1.5h", None),
            ("9w", None),
            ("1ü", None),
            ("", None),
        ];
        for (text, secs) in table {
            assert_eq!(age(text).ok().map(|age| age.as_secs()), secs, "{text:?}");
        }
    }
}
