// A broadcast server on Salvo, as in its realtime guide: one channel per client, and a map of senders.
mod rooms;

use std::convert::Infallible;

use futures_util::StreamExt;
use rooms::Member;
use salvo::prelude::*;
use salvo::sse::{SseEvent, SseKeepAlive};
use salvo::websocket::{Message, WebSocket, WebSocketUpgrade};
use tokio_stream::wrappers::UnboundedReceiverStream;

fn room_of(req: &Request) -> Result<String, StatusError> {
    req.param("room").ok_or_else(StatusError::bad_request)
}

/// Serves a WebSocket client: forwards its messages to the others, and the others' messages to it.
async fn serve_socket(room: String, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let (member, receiver) = Member::join(room);
    let sending = tokio::spawn(UnboundedReceiverStream::new(receiver).map(Ok).forward(sink));
    while let Some(Ok(message)) = stream.next().await {
        if message.is_text() || message.is_binary() {
            member.publish(&message);
        } else if message.is_close() {
            break;
        }
    }
    sending.abort();
}

#[handler]
async fn open_socket(req: &mut Request, res: &mut Response) -> Result<(), StatusError> {
    let room = room_of(req)?;
    WebSocketUpgrade::new()
        .upgrade(req, res, |socket| serve_socket(room, socket))
        .await
}

#[handler]
async fn open_stream(req: &mut Request, res: &mut Response) -> Result<(), StatusError> {
    let (member, receiver) = Member::join(room_of(req)?);
    let events = UnboundedReceiverStream::new(receiver).map(move |message| {
        // The stream owns the member, so closing the stream leaves the room.
        let _ = &member;
        Ok::<_, Infallible>(SseEvent::default().text(message.as_str().unwrap_or_default()))
    });
    SseKeepAlive::new(events).stream(res);
    Ok(())
}

#[handler]
async fn post_message(req: &mut Request, res: &mut Response) -> Result<(), StatusError> {
    let room = room_of(req)?;
    let body = req
        .payload()
        .await
        .map_err(|_| StatusError::bad_request())?;
    let text = std::str::from_utf8(body).map_err(|_| StatusError::bad_request())?;
    rooms::publish(&room, &Message::text(text), None);
    res.status_code(StatusCode::NO_CONTENT);
    Ok(())
}

#[tokio::main]
async fn main() {
    let port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse::<u16>().ok());
    let Some(port) = port else {
        eprintln!("usage: salvo-peer <port>");
        std::process::exit(2);
    };
    let router = Router::new()
        .push(Router::with_path("socket/{room}").get(open_socket))
        .push(Router::with_path("stream/{room}").get(open_stream))
        .push(Router::with_path("rooms/{room}").post(post_message));
    let acceptor = TcpListener::new(("127.0.0.1", port)).bind().await;
    Server::new(acceptor).serve(router).await;
}
