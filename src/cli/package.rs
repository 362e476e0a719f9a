//! Files of packages that follow from the command line: man pages and completions of shells.

use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

use super::exit::{self, Exit};

/// Writes `man/*.1` and `completions/{bash,fish,zsh}/…` below `folder`, under the names that Debian installs.
pub(super) fn write(command: Command, folder: &Path) -> Result<Exit, exit::Error> {
    let man = folder.join("man");
    create(&man)?;
    // `ladderd help store backup` needs no page of its own.
    let without_help = |command: Command| command.disable_help_subcommand(true);
    let mut command = without_help(command).mut_subcommands(without_help);
    command.build();
    clap_mangen::generate_to(command.clone(), &man).context("failed to write the man pages")?;
    let shells = [
        (Shell::Bash, "bash", "ladderd"),
        (Shell::Fish, "fish", "ladderd.fish"),
        (Shell::Zsh, "zsh", "_ladderd"),
    ];
    for (shell, name, file) in shells {
        let completions = folder.join("completions").join(name);
        create(&completions)?;
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, "ladderd", &mut text);
        let path = completions.join(file);
        std::fs::write(&path, text)
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(Exit::Ok)
}

fn create(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("failed to create {}", folder.display()))
}
