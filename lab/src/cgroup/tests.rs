use super::*;

const HYBRID_MOUNTS: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

fn texts(folders: &[PathBuf]) -> Vec<&str> {
    folders.iter().map(|folder| folder.to_str().unwrap()).collect()
}

#[test]
fn in_every_v1_hierarchy_the_group_lies_below_the_readers_own() {
    let memberships = "3:name=systemd:/\n2:memory:/jobs/7\n1:cpu,cpuacct:/\n";
    assert_eq!(
        texts(&folders(memberships, HYBRID_MOUNTS, "fl-dev-n1")),
        [
            "/sys/fs/cgroup/systemd/fl-dev-n1",
            "/sys/fs/cgroup/memory/jobs/7/fl-dev-n1",
            "/sys/fs/cgroup/cpu,cpuacct/fl-dev-n1"
        ]
    );
}

#[test]
fn v2_beside_v1_lies_below_the_readers_own_too() {
    assert_eq!(
        texts(&folders("0::/user\n", HYBRID_MOUNTS, "fl-dev-n1")),
        ["/sys/fs/cgroup/unified/user/fl-dev-n1"]
    );
}

#[test]
fn v2_alone_has_the_group_at_the_top() {
    let mounts = "30 22 0:26 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";
    let memberships = "0::/user.slice/session-1.scope\n";
    assert_eq!(
        texts(&folders(memberships, mounts, "fl-dev-n1")),
        ["/sys/fs/cgroup/fl-dev-n1"]
    );
}

#[test]
fn a_mount_that_shows_a_part_of_the_hierarchy_is_followed_from_there() {
    let mounts = "32 30 0:28 /box/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    assert_eq!(
        texts(&folders("2:memory:/box/1/jobs\n", mounts, "fl-dev-n1")),
        ["/sys/fs/cgroup/memory/jobs/fl-dev-n1"]
    );
}

#[test]
fn a_hierarchy_that_is_not_mounted_is_left_out() {
    assert!(folders("9:freezer:/\n", HYBRID_MOUNTS, "fl-dev-n1").is_empty());
}

#[test]
fn a_tree_of_groups_is_removed_from_the_leaves() {
    let top = tempfile::tempdir().unwrap();
    let group = top.path().join("fl-dev-n1");
    fs::create_dir_all(group.join("kubepods/pod1")).unwrap();
    remove(std::slice::from_ref(&group), Duration::ZERO).unwrap();
    assert!(!group.exists());
}
