//! Steps that mend findings: text that a shell runs as it is printed, as root on the machine of the appliance.
//!
//! A line is a command, or advice behind `# `. A line `NAME=…` in capitals has a value that its reader knows. The
//! service has a dynamic user, who does not exist while it is stopped: no command relies on it.

mod aws;

pub use self::aws::{
    allow, allow_key, allow_queue, cors, create_bucket, dead_letter_queue, list_queues, no_lists,
    notification, old_versions, public_reads, redrive, retention, standard_queue,
};

/// Folder that the unit may write to.
const STATE_DIR: &str = "/var/lib/ladderd";
/// The packages with the elements of the recipe for the processor.
const PLUGINS: &str = "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
                       gstreamer1.0-plugins-ugly gstreamer1.0-libav";
/// Restarts the service with its changed unit.
const RESTART: &str = "systemctl daemon-reload && systemctl restart ladderd";

/// Steps that mend a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mend(Vec<String>);

impl Mend {
    /// A command, and no advice.
    fn command(command: impl Into<String>) -> Self {
        Self::default().run(command)
    }

    /// Advice, and no command.
    #[must_use]
    pub fn advice(text: &str) -> Self {
        Self::default().note(text)
    }

    fn run(mut self, command: impl Into<String>) -> Self {
        self.0.push(command.into());
        self
    }

    fn note(mut self, text: &str) -> Self {
        self.0.extend(text.lines().map(|line| format!("# {line}")));
        self
    }
}

impl From<Mend> for String {
    fn from(mend: Mend) -> Self {
        mend.0.join("\n")
    }
}

/// A word of a command.
fn word(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/.-_:=@%+,".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Adds lines to the unit, in a file of their own.
fn drop_in(name: &str, lines: &[&str]) -> Mend {
    let folder = "/etc/systemd/system/ladderd.service.d";
    let lines: Vec<String> = lines.iter().map(|line| word(line)).collect();
    let file = format!("printf '%s\\n' '[Service]' {} >{folder}/{name}.conf", lines.join(" "));
    Mend::command(format!("mkdir -p {folder}")).run(file).run(RESTART)
}

/// A request to the API by the socket in the data directory, which needs no token.
fn request(socket: &str, rest: &str) -> String {
    format!("curl -sS --unix-socket {} {rest}", word(socket))
}

/// Whom the steps are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The service of the package, which executes the checks or would.
    Service,
    /// A user with this id, on a machine without the service.
    User(u32),
}

/// Reason why nothing can be written to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// It does not exist.
    Absent,
    /// The disk is mounted read-only, or the unit shows it so.
    ReadOnly,
    /// The disk or a quota is full.
    Full,
    /// Any other reason, such as missing rights.
    Refused,
}

/// For a data directory that cannot be written.
#[must_use]
pub fn data_dir(why: Unwritable, dir: &str, caller: Caller) -> Mend {
    let quoted = word(dir);
    let is_of_unit = dir == STATE_DIR || dir.starts_with(&format!("{STATE_DIR}/"));
    match (why, caller) {
        (Unwritable::Full, _) => full_disk(dir),
        (_, Caller::Service) if !is_of_unit => other_data_dir(dir),
        (Unwritable::ReadOnly, _) => Mend::advice("see why in: journalctl -k -p err")
            .run(format!("mount -o remount,rw \"$(findmnt -no TARGET --target {quoted})\"")),
        (_, Caller::Service) => {
            Mend::advice("the service manager makes the folder, and gives it to the service")
                .run("systemctl restart ladderd")
        }
        (Unwritable::Absent, Caller::User(_)) if is_of_unit => {
            Mend::advice("the first start of the service makes it").run("systemctl start ladderd")
        }
        (Unwritable::Absent, Caller::User(id)) => {
            Mend::command(format!("install -d -m 700 -o {id} {quoted}")).note("or set data_dir")
        }
        (Unwritable::Refused, Caller::User(id)) => {
            Mend::command(format!("chown -R {id}: {quoted} && chmod 700 {quoted}"))
                .note("or set data_dir")
        }
    }
}

/// For a data directory outside of the folder that the unit may write to.
fn other_data_dir(dir: &str) -> Mend {
    let dir = word(dir);
    let lines = [format!("ReadWritePaths={dir}")];
    let steps = Mend::advice(
        "the unit writes to /var/lib/ladderd alone: give it this folder, and a user that stays",
    )
    .run("systemctl stop ladderd")
    .run(
        "getent passwd ladderd >/dev/null || useradd --system --user-group --no-create-home \
             --shell /usr/sbin/nologin ladderd",
    )
    .run(format!("install -d -m 700 {dir} && chown -R ladderd: {dir}"));
    let unit = drop_in("data-dir", &lines.each_ref().map(String::as_str));
    Mend([steps.0, unit.0].concat())
}

/// For a data directory that others can enter.
#[must_use]
pub fn private_folder(dir: &str) -> Mend {
    Mend::command(format!("chmod 700 {}", word(dir)))
}

/// For a clock that differs from that of the store.
#[must_use]
pub fn clock() -> Mend {
    Mend::command("apt-get install -y systemd-timesyncd && timedatectl set-ntp true")
        .run("timedatectl timesync-status")
}

/// For a disk whose writes are slow.
#[must_use]
pub fn slow_disk() -> Mend {
    Mend::advice(
        "look for other writers and for errors of the disk, or move data_dir to a faster disk",
    )
    .run("cat /proc/pressure/io; journalctl -k -p err -n 20 --no-pager")
}

/// For a disk with little space.
#[must_use]
pub fn full_disk(dir: &str) -> Mend {
    Mend::advice(
        "delete videos (ladderd rm ID), or enlarge the disk; this shows where the space is",
    )
    .run(format!("du -xh --max-depth=2 {} | sort -h | tail", word(dir)))
}

/// For a limit of open files.
#[must_use]
pub fn open_files(needed: u64) -> Mend {
    drop_in("open-files", &[&format!("LimitNOFILE={needed}")])
        .note("or lower embedded.max_connections")
}

/// For a unit with less memory than one worker needs: `needed_bytes` for it and the daemon.
#[must_use]
pub fn memory_of_unit(needed_bytes: u64, worker_bytes: u64) -> Mend {
    Mend::command(format!("systemctl set-property ladderd MemoryMax={needed_bytes}"))
        .note(&format!("or set jobs.worker_memory_bytes = {worker_bytes}"))
}

/// For a machine with less memory than one worker needs.
#[must_use]
pub fn memory_of_machine(worker_bytes: u64) -> Mend {
    Mend::advice(&format!("set jobs.worker_memory_bytes = {worker_bytes}, or add memory"))
}

/// For a limit of processes and threads.
#[must_use]
pub fn tasks() -> Mend {
    Mend::command("systemctl set-property ladderd TasksMax=4096")
}

/// For a certificate that ends.
#[must_use]
pub fn old_certificate() -> Mend {
    Mend::advice(
        "renew it as your authority says; the daemon takes the new files by itself. With certbot:",
    )
    .run("command -v certbot >/dev/null && certbot renew")
}

/// For a certificate that cannot be read.
#[must_use]
pub fn unreadable_certificate(cert: &str, key: &str) -> Mend {
    Mend::advice("tls.cert and tls.key of a service come as credentials: how-to/serve-by-tls.md")
        .run(format!("ls -lL {} {}", word(cert), word(key)))
}

/// For a certificate of other names than the public one.
#[must_use]
pub fn other_certificate(host: &str, cert: &str) -> Mend {
    Mend::advice(&format!("get one for {host}, or set http.public_url to a name that it has:"))
        .run(format!("openssl x509 -noout -ext subjectAltName -in {}", word(cert)))
}

/// For a certificate whose chain clients refuse.
#[must_use]
pub fn chain(cert: &str) -> Mend {
    Mend::advice(
        "put the certificates of the authorities in between into tls.cert (fullchain.pem); with an authority of\n\
         your own, clients need it, and tls.ca makes this check know it. The file has now:",
    )
    .run(format!("grep -c BEGIN {}", word(cert)))
}

/// For an API that does not answer on this machine.
#[must_use]
pub fn firewall() -> Mend {
    Mend::advice("look for rules of the firewall about the loopback interface")
        .run("nft list ruleset")
}

/// For an address that another program has.
#[must_use]
pub fn taken_port(port: &str) -> Mend {
    Mend::advice("end the program that listens there, or set http.listen")
        .run(format!("ss -ltnp 'sport = :{port}'"))
}

/// For a public URL that leads elsewhere.
#[must_use]
pub fn other_host() -> Mend {
    Mend::advice("let the proxy keep the header Host (nginx: proxy_set_header Host $host)")
}

/// For a URL that does not answer as it should. `advice` names the settings or machines that it depends on.
#[must_use]
pub fn ask(url: &str, advice: &str) -> Mend {
    Mend::advice(advice).run(format!("curl -sSv -o /dev/null {}", word(url)))
}

/// For a store or queue whose settings are wrong.
#[must_use]
pub fn settings() -> Mend {
    Mend::command("ladderd validate")
}

/// For an embedded queue or store that fails.
#[must_use]
pub fn repair() -> Mend {
    Mend::command("systemctl stop ladderd && ladderd store repair && systemctl start ladderd")
}

/// For a fault that the log explains.
#[must_use]
pub fn log() -> Mend {
    Mend::command("journalctl -u ladderd -p warning -n 50 --no-pager")
}

/// For checks that no service has executed.
#[must_use]
pub fn no_service() -> Mend {
    Mend::command(
        "systemctl start ladderd && ladderd doctor || journalctl -u ladderd -n 20 --no-pager",
    )
}

/// For an examination that came at a bad time.
#[must_use]
pub fn once_more() -> Mend {
    Mend::advice("when fewer jobs run:").run("ladderd doctor")
}

/// For a daemon that takes no message.
#[must_use]
pub fn running_jobs(socket: &str) -> Mend {
    Mend::advice("see the jobs that run").run(request(socket, "http://localhost/v1/system"))
}

/// For messages that were given up.
#[must_use]
pub fn dead_letters(socket: &str) -> Mend {
    let again = "-X POST http://localhost/v1/dead-letters/ID/retry";
    Mend::command(request(socket, "http://localhost/v1/dead-letters"))
        .note(&format!("mend the causes, then send each of them back: {}", request(socket, again)))
}

/// For an endpoint of webhooks that is paused.
#[must_use]
pub fn paused_webhook(socket: &str, id: &str) -> Mend {
    let active = "-X PATCH -H 'content-type: application/json' -d '{\"state\": \"active\"}'";
    let url = format!("http://localhost/v1/webhooks/{id}");
    Mend::command(request(socket, &format!("{active} {url}")))
        .note("how-to/webhooks.md says how to send again what it has missed")
}

/// For an endpoint of webhooks that fails.
#[must_use]
pub fn failing_webhook(socket: &str, id: &str) -> Mend {
    Mend::advice("mend the receiver, then:")
        .run(request(socket, &format!("-X POST http://localhost/v1/webhooks/{id}/test")))
}

/// For backends that do not work, or a name that none has.
#[must_use]
pub fn backends() -> Mend {
    Mend::command("ladderd backends")
}

/// For a library of GStreamer that does not start.
#[must_use]
pub fn gstreamer() -> Mend {
    Mend::command("apt-get install -y --reinstall libgstreamer1.0-0").run("ladderd backends")
}

/// For plugins of another release than the library.
#[must_use]
pub fn same_release() -> Mend {
    Mend::command(format!("apt-get install -y --reinstall libgstreamer1.0-0 {PLUGINS}"))
        .note("and look into GST_PLUGIN_PATH")
}

/// For missing plugins.
#[must_use]
pub fn install(packages: &[&str]) -> Mend {
    Mend::command(format!("apt-get install -y {}", packages.join(" ")))
}

/// For a processor without its encoder.
#[must_use]
pub fn install_plugins() -> Mend {
    Mend::command(format!("apt-get install -y {PLUGINS}"))
}

/// For an NVIDIA driver that does not answer.
#[must_use]
pub fn nvidia_silent() -> Mend {
    Mend::advice("after an update of the driver: reboot; these tell more")
        .run("nvidia-smi; journalctl -k --no-pager | grep -e NVRM -e Xid | tail")
}

/// For a kernel module of another version than the library.
#[must_use]
pub fn nvidia_versions() -> Mend {
    Mend::command(
        "systemctl stop ladderd && modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia",
    )
    .run("systemctl start ladderd")
    .note("or reboot, if other programs use the GPU")
}

/// For a device node that cannot be opened.
#[must_use]
pub fn device(path: &str, group: &str, caller: Caller) -> Mend {
    match caller {
        Caller::Service => {
            let lines = [format!("SupplementaryGroups={group}"), format!("DeviceAllow={path} rw")];
            drop_in("gpu", &lines.each_ref().map(String::as_str))
        }
        Caller::User(id) => {
            Mend::command(format!("usermod -aG {} \"$(id -un {id})\"", word(group)))
                .note("and sign in anew")
        }
    }
}

/// For a kernel without a layer of the sandbox.
#[must_use]
pub fn sandbox() -> Mend {
    Mend::advice(
        "Linux 6.2 or newer (Debian 12 and 13 have it) with landlock in the boot parameter lsm=; each layer:",
    )
    .run("ladderd sandbox-test")
}

/// For a store that ignores conditional writes.
#[must_use]
pub fn conditional_writes() -> Mend {
    Mend::advice(
        "update the store (MinIO, Ceph, Garage: see their release notes), or run one box alone",
    )
}
