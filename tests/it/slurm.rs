//! A real Slurm cluster of one node, if Slurm is installed.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::program::text;

/// Daemons of the cluster.
const PROGRAMS: [&str; 4] = ["munged", "slurmctld", "slurmd", "sbatch"];

/// Maximum duration of any step of the cluster.
const PATIENCE: Duration = Duration::from_secs(120);

/// Slurm cluster on free local ports, stopped on drop.
pub struct Slurm {
    directory: PathBuf,
    daemons: Vec<Child>,
}

impl Slurm {
    /// Starts a cluster. `None` if Slurm is not installed; in CI that is a failure.
    pub fn start(directory: PathBuf) -> Option<Self> {
        let is_missing = |program: &&&str| command(program).arg("-V").output().is_err();
        if let Some(program) = PROGRAMS.iter().find(is_missing) {
            assert!(std::env::var_os("CI").is_none(), "CI needs {program}");
            eprintln!("skipped: there is no {program} on this machine");
            return None;
        }
        fs::create_dir_all(&directory).unwrap();
        let mut slurm = Self {
            directory,
            daemons: Vec::new(),
        };
        slurm.write_key();
        slurm.write_configuration();
        let path = |name: &str| slurm.directory.join(name).display().to_string();
        let munge = [
            "--foreground".into(),
            // slurmctld requires a directory that other users can't write to.
            "--force".into(),
            format!("--key-file={}", path("munge.key")),
            format!("--socket={}", path("munge.socket")),
            format!("--pid-file={}", path("munged.pid")),
            format!("--seed-file={}", path("munged.seed")),
        ];
        slurm.start_daemon("munged", &munge);
        slurm.wait_until("munge answers", |slurm| {
            slurm.directory.join("munge.socket").exists()
        });
        slurm.start_daemon("slurmctld", &["-D".into()]);
        slurm.start_daemon("slurmd", &["-D".into()]);
        slurm.wait_until("the node is idle", |slurm| {
            slurm.says("sinfo", &["--noheader", "--format=%T"]) == "idle\n"
        });
        Some(slurm)
    }

    /// Submits a job in this directory and waits for its end. Returns the state and the exit code
    /// of each task, as in `COMPLETED 0:0`.
    pub fn run(&self, directory: &Path, search_path: &str, arguments: &[&str]) -> Vec<String> {
        let mut sbatch = self.command("sbatch");
        sbatch.current_dir(directory).env("PATH", search_path);
        let output = sbatch.arg("--parsable").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        self.wait_until("the job is done", |slurm| {
            slurm.says("squeue", &["--noheader"]).is_empty()
        });
        let job = text(&output.stdout).trim();
        let tasks = self.says("scontrol", &["show", "job", "--oneliner", job]);
        let field = |task: &str, name: &str| {
            let mut fields = task.split_whitespace();
            let value = fields.find_map(|field| field.strip_prefix(name));
            value.expect("each task has a state").to_owned()
        };
        let outcome = |task| [field(task, "JobState="), field(task, "ExitCode=")].join(" ");
        tasks.lines().map(outcome).collect()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = command(program);
        command.env("SLURM_CONF", self.directory.join("slurm.conf"));
        command
    }

    fn says(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        // Until the controller answers, squeue prints errors.
        format!("{}{}", text(&output.stdout), text(&output.stderr))
    }

    fn start_daemon(&mut self, program: &str, arguments: &[String]) {
        let log = File::create(self.directory.join(program).with_extension("log")).unwrap();
        let mut command = self.command(program);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.daemons.push(command.spawn().unwrap());
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            let logs = self.directory.display();
            assert!(
                Instant::now() < deadline,
                "not yet: {what}; see {logs}/*.log"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Secret of this cluster, so that no other user can run jobs on it.
    fn write_key(&self) {
        let mut key = [0; 128];
        let mut random = File::open("/dev/urandom").unwrap();
        random.read_exact(&mut key).unwrap();
        let path = self.directory.join("munge.key");
        fs::write(&path, key).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn write_configuration(&self) {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let host = host.trim().split('.').next().unwrap();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = text(&user).trim();
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [controller, node] = ports.map(|port| port.local_addr().unwrap().port());
        let directory = self.directory.display();
        // Containers have no cgroups. The node has four CPUs, whatever the machine has.
        let configuration = format!(
            "ClusterName=rehearsal\n\
             SlurmctldHost={host}(127.0.0.1)\n\
             SlurmctldPort={controller}\n\
             SlurmdPort={node}\n\
             CommunicationParameters=NoInAddrAny,NoCtldInAddrAny\n\
             SlurmUser={user}\n\
             SlurmdUser={user}\n\
             AuthType=auth/munge\n\
             AuthInfo=socket={directory}/munge.socket\n\
             StateSaveLocation={directory}/state\n\
             SlurmdSpoolDir={directory}/spool\n\
             SlurmctldPidFile={directory}/slurmctld.pid\n\
             SlurmdPidFile={directory}/slurmd.pid\n\
             PlugStackConfig=/dev/null\n\
             ProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\n\
             SelectType=select/cons_tres\n\
             SelectTypeParameters=CR_CPU\n\
             SlurmdParameters=config_overrides\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN\n\
             PartitionName=all Nodes=ALL Default=YES State=UP\n"
        );
        fs::write(self.directory.join("slurm.conf"), configuration).unwrap();
        for name in ["state", "spool"] {
            fs::create_dir_all(self.directory.join(name)).unwrap();
        }
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// Finds a program that may be in an administrator's directory.
fn command(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin"));
    command
}
