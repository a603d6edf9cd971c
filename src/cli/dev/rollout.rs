//! A rolling restart: one node after the other, the next one when the one before takes requests again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::fleet::{Fleet, Post};
use super::look::{is_asked, is_ready, until};
use crate::cli::{Failure, say};
use crate::dev::servers::ProxyKind;

/// A start on a loaded machine, and HAProxy's next check.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Beside the drain: the end of a process.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// nginx lets a node that has failed alone for so long: fail_timeout in config/nginx.conf.
const NGINX_PAUSE: Duration = Duration::from_secs(1);

impl Fleet {
    /// What is wrong stops it where it is: the other nodes stay as they are.
    pub(super) async fn roll(&self) -> Result<(), Failure> {
        let began = Instant::now();
        say(format_args!("Rolling restart of {} nodes.", self.posts.len()))?;
        for post in &self.posts {
            if let Err(wrong) = self.replace(post).await? {
                return say(format_args!("{}: {wrong}. The rolling restart stops here.", post.member.name));
            }
        }
        say(format_args!("Rolling restart done in {:.1} s.", began.elapsed().as_secs_f64()))
    }

    async fn replace(&self, post: &Post) -> Result<Result<(), &'static str>, Failure> {
        let (member, name, began) = (&post.member, &post.member.name, Instant::now());
        let passed = || format!("{:.1} s", began.elapsed().as_secs_f64());
        let (tell, mut gone) = oneshot::channel();
        if post.orders.send(tell).await.is_err() {
            return Ok(Err("it is not kept any more"));
        }
        let end = began + self.drain + END_PATIENCE;
        tokio::select! {
            () = until(async || !is_ready(member.admin).await) => {
                say(format_args!("{name}: not ready any more, {}", passed()))?;
            }
            // Without a drain: nobody could see it.
            _ = &mut gone => {}
            () = sleep_until(end) => return Ok(Err("it goes on being ready")),
        }
        if let Some(view) = self.view {
            let told = !gone.is_terminated()
                && tokio::select! {
                    () = until(async || is_asked(view, name).await == Some(false)) => true,
                    _ = &mut gone => false,
                    () = sleep_until(end) => return Ok(Err("HAProxy goes on asking it")),
                };
            match told {
                true => say(format_args!("{name}: HAProxy asks it no more, {}", passed()))?,
                false => say(format_args!("{name}: gone before HAProxy knew: is http.drain_delay too short?"))?,
            }
        }
        if !gone.is_terminated() && timeout_at(end, gone).await.is_err() {
            return Ok(Err("it does not end"));
        }
        say(format_args!("{name}: ended, {}", passed()))?;

        if timeout(START_PATIENCE, until(async || is_ready(member.admin).await)).await.is_err() {
            return Ok(Err("its successor is not ready"));
        }
        let pid = member.pid.load(Ordering::Relaxed);
        say(format_args!("{name}: ready again as process {pid}, {}", passed()))?;
        if let Some(view) = self.view {
            let asked = until(async || is_asked(view, name).await == Some(true));
            if timeout(START_PATIENCE, asked).await.is_err() {
                return Ok(Err("HAProxy does not ask it"));
            }
            say(format_args!("{name}: HAProxy asks it again, {}", passed()))?;
        }
        if self.proxy == Some(ProxyKind::Nginx) {
            sleep(NGINX_PAUSE).await;
            say(format_args!("{name}: nginx asks it again, {}", passed()))?;
        }
        Ok(Ok(()))
    }
}
