//! Seccomp layer: the system calls that a worker may make.
//!
//! An allow list, checked by the kernel at every call: another call fails with `EPERM`, and one with
//! another architecture's numbers ends the process. A worker for GPUs has a longer list, which its
//! recipe can widen. A driver that does not work with it gets the deny list, which refuses what no
//! driver needs.

mod arguments;
mod lists;
mod names;
mod observe;

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch, sock_filter};

use self::arguments::Forms;
pub use self::observe::REFUSED_CALL;
use super::error::Error;
use crate::domain::sandbox::Calls;

/// Effect of a refused call besides its failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusals {
    /// Nothing.
    #[default]
    Silent,
    /// Its name is written to standard error behind [`REFUSED_CALL`], once.
    Reported,
}

/// Numbers from here on are those of the x32 ABI, which `seccomp` takes for x86-64.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Names of `calls` that no list may be widened by: they are unknown, or every worker is refused them.
#[must_use]
pub fn unfit(calls: &[String]) -> Vec<&str> {
    let is_fit = |name: &&str| {
        names::number(name).is_some() && lists::names(lists::REFUSED).all(|no| no != *name)
    };
    calls.iter().map(String::as_str).filter(|name| !is_fit(name)).collect()
}

/// Applies the filters to this process, which has one thread. Returns a description of them.
pub(super) fn restrict(calls: &Calls, refusals: Refusals) -> Result<String, Error> {
    #[cfg(target_arch = "x86_64")]
    seccompiler::apply_filter_all_threads(&without_x32())?;
    // The flags of clone3 lie in memory, which a filter cannot read. On ENOSYS the C library falls
    // back to clone.
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    seccompiler::apply_filter_all_threads(&refusing(clone3, libc::ENOSYS)?)?;
    // The last one, because it refuses to apply another.
    let (program, description) = program(calls)?;
    if refusals == Refusals::Reported {
        if observe::apply(&program).is_ok() {
            return Ok(description);
        }
        observe::say("(this kernel does not tell which)");
    }
    seccompiler::apply_filter_all_threads(&program)?;
    Ok(description)
}

/// The filter for these calls, and its description.
fn program(calls: &Calls) -> Result<(BpfProgram, String), Error> {
    let pid = std::process::id();
    let allowed = match calls {
        Calls::Processor => {
            with_forms(lists::names(lists::PROCESSOR), arguments::of_processor(pid))
        }
        Calls::Device { also } => {
            let own = lists::names(lists::PROCESSOR).chain(lists::names(lists::DEVICE));
            let mut rules = with_forms(own, arguments::of_device(pid))?;
            rules.extend(numbers(also.iter().map(String::as_str)));
            Ok(rules)
        }
        Calls::DenyList => return deny_list(pid),
    };
    let allowed = allowed?;
    let description = format!("{} system calls allowed", allowed.len());
    let filter = SeccompFilter::new(allowed, refusal(libc::EPERM), SeccompAction::Allow, arch()?)?;
    Ok((BpfProgram::try_from(filter)?, description))
}

fn deny_list(pid: u32) -> Result<(BpfProgram, String), Error> {
    let parent = std::os::unix::process::parent_id();
    let mut refused = numbers(lists::names(lists::REFUSED));
    for (name, rules) in arguments::of_deny_list(pid, parent)? {
        refused.extend(names::number(name).map(|number| (number, rules)));
    }
    let description = format!("{} system calls refused, all others allowed", refused.len());
    Ok((refusing(refused, libc::EPERM)?, description))
}

/// These calls: with the arguments that the forms name, else with all.
fn with_forms(
    names: impl Iterator<Item = &'static str>,
    forms: Forms,
) -> Result<BTreeMap<i64, Vec<SeccompRule>>, Error> {
    let mut rules = numbers(names);
    for (name, of_name) in forms? {
        rules.extend(names::number(name).map(|number| (number, of_name)));
    }
    Ok(rules)
}

/// The numbers of these calls, without a rule for their arguments. Other architectures lack some.
fn numbers<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<i64, Vec<SeccompRule>> {
    names.filter_map(names::number).map(|number| (number, Vec::new())).collect()
}

/// A filter that refuses these calls and allows all others.
fn refusing(refused: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<BpfProgram, Error> {
    let filter = SeccompFilter::new(refused, SeccompAction::Allow, refusal(errno), arch()?)?;
    Ok(BpfProgram::try_from(filter)?)
}

fn refusal(errno: i32) -> SeccompAction {
    SeccompAction::Errno(errno.cast_unsigned())
}

fn arch() -> Result<TargetArch, seccompiler::BackendError> {
    TargetArch::try_from(std::env::consts::ARCH)
}

/// A filter that refuses the numbers of the x32 ABI, whichever call they stand for.
#[cfg(target_arch = "x86_64")]
#[expect(clippy::cast_possible_truncation, reason = "instructions have 16 bits")]
fn without_x32() -> BpfProgram {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    // The number of the call is the first field of `seccomp_data`.
    vec![
        sock_filter { code: LOAD, jt: 0, jf: 0, k: 0 },
        sock_filter { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: X32 },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: refuse },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW },
    ]
}

/// Whether every list refuses the call, in every form or in some.
#[cfg(test)]
pub(super) fn is_restricted(name: &str) -> bool {
    let has_forms = |forms: Forms| forms.unwrap_or_default().iter().any(|(call, _)| *call == name);
    lists::names(lists::REFUSED).any(|refused| refused == name)
        || has_forms(arguments::of_processor(1))
            && has_forms(arguments::of_device(1))
            && has_forms(arguments::of_deny_list(1, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_belongs_to_a_call_of_its_list() {
        let listed = |lists: &[&'static [(&str, &str)]], name| {
            lists.iter().any(|list| lists::names(list).any(|known| known == name))
        };
        for (name, _) in arguments::of_processor(1).unwrap() {
            assert!(listed(&[lists::PROCESSOR], name), "{name}");
        }
        for (name, _) in arguments::of_device(1).unwrap() {
            assert!(listed(&[lists::PROCESSOR, lists::DEVICE], name), "{name}");
        }
        for (name, _) in arguments::of_deny_list(1, 2).unwrap() {
            assert!(!listed(&[lists::REFUSED], name), "{name} is refused in every form");
        }
    }

    /// Another architecture's call ends the process, before its number is looked at.
    #[test]
    fn every_filter_begins_with_the_architecture() {
        for calls in [Calls::Processor, Calls::Device { also: Vec::new() }, Calls::DenyList] {
            let (program, _) = program(&calls).unwrap();
            let arch_field = 4;
            assert_eq!((program[0].k, program[2].k), (arch_field, libc::SECCOMP_RET_KILL_PROCESS));
        }
    }

    #[test]
    fn a_recipe_can_name_known_calls_that_are_not_refused() {
        let names = ["flock", "execve", "no_such_call", "mlockall"].map(str::to_owned);
        assert_eq!(unfit(&names), ["execve", "no_such_call"]);
    }
}
