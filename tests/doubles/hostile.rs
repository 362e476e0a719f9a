//! A decoder that was taken over: as soon as a worker loads the plugin, which is in its sandbox by then,
//! it attacks the daemon and the file that `victim` names. It prints the attacks that succeeded, and ends
//! the worker.

#[path = "../../src/sandbox/probe/attacks.rs"]
mod attacks;

use std::ffi::CString;
use std::io::Write as _;

use gstreamer as gst;
use gstreamer::glib;

/// Registers a search for types, for which every worker loads the plugin.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    if std::env::args().nth(1).is_some_and(|subcommand| subcommand == "worker") {
        attack();
    }
    let rank = gst::Rank::PRIMARY + 100;
    gst::TypeFind::register(Some(plugin), "hostile", rank, Some("hostile"), None, |_| {})
}

fn attack() {
    let file = crate::file("victim");
    let absent = CString::new(format!("{file}.absent")).unwrap();
    let file = CString::new(file).unwrap();
    let victim = attacks::Victim {
        // SAFETY: the call has no arguments and cannot fail.
        parent: unsafe { libc::getppid() },
        file: &file,
        absent: &absent,
        is_lethal: true,
    };
    let made = attacks::all(&victim, true);
    let succeeded = made.iter().filter(|(_, result)| !attacks::is_refused(*result));
    let succeeded: Vec<_> = succeeded.map(|(what, result)| format!("{what}: {result:?}")).collect();
    let (made, hits) = (made.len(), succeeded.len());
    let mut stderr = std::io::stderr();
    writeln!(stderr, "hostile: {hits} of {made} attacks succeeded: {succeeded:?}").unwrap();
    std::process::abort();
}
