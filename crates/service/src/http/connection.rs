//! One connection: requests in sequence, each within its time.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_lite::future::or;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

/// Maximum number of bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Maximum number of header fields of a request.
const FIELDS_MAX: usize = 64;
/// Maximum time in which the rest of a client's bytes is read and dropped.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// Serves one connection, over TCP or in memory, until the client closes it, a request takes too
/// long, or it shall stop and the open response is sent.
///
/// `request_time` is the maximum time between the start of the connection, or the head of a
/// request, and the head of the next.
pub async fn serve_connection<S, R, F>(
    mut client: S,
    respond: R,
    request_time: Duration,
    stopped: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    R: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Full<Bytes>>>,
{
    let deadline = Deadline::after(request_time);
    let service = service_fn(|request| {
        deadline.renew(request_time);
        let response = respond(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let is_stopped = {
        let connection = http1::Builder::new()
            // A client that has sent its request may close its side.
            .half_close(true)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(FIELDS_MAX)
            // A page is not copied, so that its memory is free as soon as it is sent.
            .writev(true)
            .serve_connection(TokioIo::new(&mut client), service);
        let mut connection = pin!(connection);
        let served = async {
            let ended = async {
                // An error of one client does not affect the others.
                let _ = connection.as_mut().await;
                false
            };
            let is_stopped = or(ended, then(stopped, true)).await;
            if is_stopped {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
            is_stopped
        };
        or(served, then(deadline.passed(), false)).await
    };
    if !is_stopped {
        linger(client).await;
    }
}

/// Returns the value when the event happens.
async fn then<T>(event: impl Future<Output = ()>, value: T) -> T {
    event.await;
    value
}

/// Reads what the client still sends. If the connection were closed with unread bytes, the client
/// might lose the response.
async fn linger(mut client: impl AsyncRead + AsyncWrite + Unpin) {
    // The client may be gone.
    let _ = client.shutdown().await;
    let mut rest = [0; 4 * 1024];
    let drained = async { while client.read(&mut rest).await.is_ok_and(|count| count > 0) {} };
    let _ = timeout(LINGER_TIME, drained).await;
}

/// Instant at which a connection is closed, renewed by each request.
struct Deadline(Mutex<Instant>);

impl Deadline {
    fn after(time: Duration) -> Self {
        Self(Mutex::new(Instant::now() + time))
    }

    fn renew(&self, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + time;
    }

    fn instant(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the deadline has passed without having been renewed.
    async fn passed(&self) {
        while Instant::now() < self.instant() {
            sleep_until(self.instant()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{pending, zip};
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::sleep;

    use super::*;

    const REQUEST_TIME: Duration = Duration::from_secs(10);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// Runs a future in virtual time and returns its result and the seconds that it took.
    fn timed<T>(future: impl Future<Output = T>) -> (T, u64) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let began = Instant::now();
            (future.await, began.elapsed().as_secs())
        })
    }

    /// Serves `size` bytes for each request until the connection ends; `client` uses it meanwhile.
    async fn serve<F: Future>(
        size: usize,
        stopped: impl Future<Output = ()>,
        client: impl FnOnce(DuplexStream) -> F,
    ) -> F::Output {
        let (near, far) = duplex(1024);
        let respond = |_| async move { Response::new(Full::new(Bytes::from(vec![b'x'; size]))) };
        let server = serve_connection(far, respond, REQUEST_TIME, stopped);
        zip(server, client(near)).await.1
    }

    async fn read_all(client: &mut DuplexStream) -> String {
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[test]
    fn request_sent_byte_by_byte_ends_at_its_deadline() {
        let client = |mut client: DuplexStream| async move {
            let mut sent = 0;
            while client.write_all(b"G").await.is_ok() {
                sent += 1;
                sleep(Duration::from_secs(1)).await;
            }
            sent
        };
        let (sent, seconds) = timed(serve(1, pending(), client));
        // One more second is for bytes on their way.
        assert!((10..=11).contains(&sent), "{sent} bytes");
        assert!((10..=12).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn client_that_does_not_read_its_response_is_closed_at_the_deadline() {
        let client = |mut client: DuplexStream| async move {
            client.write_all(REQUEST).await.unwrap();
            sleep(REQUEST_TIME * 2).await;
            read_all(&mut client).await.len()
        };
        let (length, _) = timed(serve(1 << 20, pending(), client));
        assert!(length <= 1024, "{length} bytes");
    }

    #[test]
    fn request_renews_the_deadline_of_its_connection() {
        let client = |mut client: DuplexStream| async move {
            for _ in 0..3 {
                sleep(Duration::from_secs(9)).await;
                client.write_all(REQUEST).await.unwrap();
            }
            read_all(&mut client).await.matches("200 OK").count()
        };
        let (answers, seconds) = timed(serve(1, pending(), client));
        assert_eq!(answers, 3);
        // An idle connection ends, too.
        assert!((37..=38).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn stop_finishes_the_open_response_and_closes() {
        let stopped = || async { sleep(Duration::from_secs(2)).await };
        let client = |mut client: DuplexStream| async move {
            client.write_all(REQUEST).await.unwrap();
            sleep(Duration::from_secs(5)).await;
            read_all(&mut client).await
        };
        let (answer, seconds) = timed(serve(1 << 16, stopped(), client));
        assert!(answer.len() > 1 << 16 && answer.ends_with('x'));
        assert_eq!(seconds, 5);
        let idle = |mut client: DuplexStream| async move { read_all(&mut client).await };
        let (answer, seconds) = timed(serve(1, stopped(), idle));
        assert_eq!((answer.as_str(), seconds), ("", 2));
    }

    #[test]
    fn client_that_closes_its_side_gets_its_response() {
        let client = |mut client: DuplexStream| async move {
            client.write_all(REQUEST).await.unwrap();
            client.shutdown().await.unwrap();
            read_all(&mut client).await
        };
        let (answer, seconds) = timed(serve(1, pending(), client));
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with('x'));
        assert_eq!(seconds, 0);
    }

    #[test]
    fn response_arrives_before_a_body_that_nobody_reads() {
        let client = |mut client: DuplexStream| async move {
            let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
            client.write_all(head).await.unwrap();
            let (mut reader, mut writer) = tokio::io::split(client);
            let body = async {
                while writer.write_all(&[b'b'; 512]).await.is_ok() {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            let answer = async {
                let mut answer = String::new();
                reader.read_to_string(&mut answer).await.unwrap();
                answer
            };
            zip(body, answer).await.1
        };
        let (answer, seconds) = timed(serve(1, pending(), client));
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(seconds <= 1, "{seconds} s");
    }
}
