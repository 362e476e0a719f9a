//! `ladderd support-bundle`: facts for those who help, as a tar that people read before they send it.

mod files;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tar::{Builder, Header};

use self::files::File;
use super::doctor::{self, ApplianceArgs, Subject};
use super::exit::{self, Exit, OrExit as _};
use super::output::{print, say};
use crate::app;
use crate::domain::doctor::judge::size;
use crate::domain::doctor::redact::redact;

/// Arguments of `ladderd support-bundle`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    appliance: ApplianceArgs,
    /// File to write, which must not exist [default: ladderd-support-TIME.tar in this folder].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the bundle and prints what is inside.
pub(super) fn run(args: Args) -> Result<Exit, exit::Error> {
    let now = Timestamp::now();
    let name = || PathBuf::from(format!("ladderd-support-{}.tar", now.strftime("%Y%m%dT%H%M%SZ")));
    let output = args.output.unwrap_or_else(name);
    let subject = match args.appliance.subject()? {
        Ok(subject) => subject,
        Err(exit) => return Ok(exit),
    };
    let files = app::runtime()?.block_on(collect(&subject))?;
    let secrets: Vec<String> = match &subject {
        Subject::Local { loaded, .. } => {
            let root_key = files::store_secret(&loaded.settings.data_dir);
            loaded.secrets().into_iter().chain(root_key).collect()
        }
        Subject::Remote(_) => Vec::new(),
    };
    let secrets: Vec<String> = secrets.into_iter().chain(files::environment_secrets()).collect();
    let files: Vec<File> =
        files.into_iter().map(|file| File { text: redact(&file.text, &secrets), ..file }).collect();
    write(&output, &files, now).or_exit(Exit::Failed)?;
    for file in &files {
        let bytes = size(file.text.len() as u64);
        print(&format!("{:<20} {bytes:>10}  {}\n", file.name, file.about))?;
    }
    let shown = output.display();
    print(&format!("{shown}\n"))?;
    say(&format!(
        "Read it before you send it: tar -xOf {shown} | less\nIt has names of files, videos, buckets and machines. \
         Secrets of the settings, tokens and signatures are left out."
    ));
    Ok(Exit::Ok)
}

async fn collect(subject: &Subject) -> Result<Vec<File>, exit::Error> {
    let report = Box::pin(doctor::examine(subject)).await?;
    let mut files = files::of_report(&report);
    match subject {
        Subject::Remote(api) => files.extend(files::of_api(api).await),
        Subject::Local { api, loaded } => {
            match api {
                Some(api) => files.extend(files::of_api(api).await),
                None => files.push(files::settings(&loaded.shown)),
            }
            files.extend(files::of_machine());
        }
    }
    Ok(files)
}

/// Writes a file for its owner alone.
fn write(path: &Path, files: &[File], now: Timestamp) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut archive = Builder::new(file.map_err(named)?);
    for File { name, text, .. } in files {
        let mut header = Header::new_gnu();
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(now.as_second()).unwrap_or_default());
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, format!("ladderd-support/{name}"), text.as_bytes())?;
    }
    archive.into_inner()?.flush()
}
