//! Commands of ladderd in the documentation: the program has them, with these arguments.

use clap::Command;
use clap::error::ErrorKind;

use super::pages::pages;

/// Words in front of a command that run it.
const RUNNERS: [&str; 5] = ["sudo", "exec", "time", "xargs", "!"];

/// The arguments of each call of ladderd in a script.
fn calls(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in script.lines() {
        // Lines that are not whole, such as those of a text in quotes, are no calls.
        let Some(words) = shlex::split(line) else { continue };
        for command in words.split(|word| ["|", "||", "&&", "&", "do", "then"].contains(&&**word)) {
            if let Some(at) = command.iter().position(|word| is_program(word))
                && command[..at].iter().all(|word| may_precede(word))
            {
                let rest = command[at + 1..].iter();
                let own =
                    rest.take_while(|word| !["<", ">", ">>", "2>&1"].contains(&word.as_str()));
                found.push(own.map(|word| word.trim_end_matches(';').to_owned()).collect());
            }
        }
    }
    found
}

fn is_program(word: &str) -> bool {
    word == "ladderd" || word.ends_with("/ladderd")
}

/// Runners, their flags, users, and variables.
fn may_precede(word: &str) -> bool {
    let is_variable = word.split_once('=').is_some_and(|(name, _)| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
    });
    RUNNERS.contains(&word) || word.starts_with('-') || is_variable || word == "root"
}

/// The fault of a call; nothing if the program takes it.
fn fault(command: &Command, arguments: &[String]) -> Option<String> {
    let words = std::iter::once("ladderd").chain(arguments.iter().map(String::as_str));
    let error = command.clone().try_get_matches_from(words).err()?;
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // `xargs` adds the last arguments.
    let is_short = error.kind() == ErrorKind::MissingRequiredArgument;
    (!is_help && !is_short).then(|| error.to_string())
}

/// The fault of a call in a text: only the names of commands and flags have to be right.
fn fault_of_names(command: &Command, words: &[String]) -> Option<String> {
    let (mut here, mut flags) = (command, Vec::new());
    let mut is_command = true;
    for word in words {
        if let Some(flag) = word.strip_prefix("--") {
            flags.push(flag.split('=').next().unwrap_or(flag));
            is_command = false;
        } else if is_command && here.has_subcommands() {
            match here.find_subcommand(word) {
                Some(below) => here = below,
                None => return Some(format!("there is no command {word}")),
            }
        }
    }
    let has = |flag: &&str| {
        let own = here.get_arguments().chain(command.get_arguments());
        own.filter_map(clap::Arg::get_long).any(|long| long == *flag) || *flag == "help"
    };
    flags.into_iter().find(|flag| !has(flag)).map(|flag| format!("there is no --{flag}"))
}

#[test]
fn every_command_of_the_documentation_exists() {
    let mut command = ladderd::cli::command();
    command.build();
    let (mut faults, mut count) = (Vec::new(), 0);
    for page in pages() {
        let scripts = page.blocks.iter().filter(|(info, _)| info.starts_with("sh"));
        for call in scripts.flat_map(|(_, text)| calls(text)) {
            count += 1;
            let fault = fault(&command, &call);
            faults.extend(fault.map(|fault| format!("{}: {call:?}: {fault}", page.path.display())));
        }
        for span in &page.spans {
            let words = shlex::split(span).unwrap_or_default();
            let Some((program, words)) = words.split_first() else { continue };
            if program == "ladderd" && !words.is_empty() {
                count += 1;
                let fault = fault_of_names(&command, words);
                faults.extend(fault.map(|f| format!("{}: `{span}`: {f}", page.path.display())));
            }
        }
    }
    assert!(count > 60, "only {count} commands were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn calls_are_found_and_wrong_ones_are_refused() {
    let script = "export A=b\nA=b sudo -u root target/debug/ladderd check out/ --json > x # why\n\
                  ladderd videos --json | jq -r '.[].id' | xargs -r ladderd retry\n\
                  echo ladderd none\nladderd s3-key create --name \"a b\" \\\n  --bucket uploads\n";
    let found: Vec<String> = calls(script).iter().map(|call| call.join("_")).collect();
    assert_eq!(
        found,
        [
            "check_out/_--json",
            "videos_--json",
            "retry",
            "s3-key_create_--name_a b_--bucket_uploads"
        ]
    );
    let mut command = ladderd::cli::command();
    command.build();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for wrong in ["chek out/", "check out/ --jsn", "store scrub out/"] {
        assert!(fault(&command, &words(wrong)).is_some(), "{wrong}");
    }
    for wrong in ["chek", "store mend", "check --jsn"] {
        assert!(fault_of_names(&command, &words(wrong)).is_some(), "{wrong}");
    }
    assert_eq!(fault_of_names(&command, &words("store --data-dir /x scrub")), None);
}
