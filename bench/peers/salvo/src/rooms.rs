// Rooms: their members, and the delivery of messages.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use salvo::websocket::Message;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Room = HashMap<u64, UnboundedSender<Message>>;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);
static ROOMS: LazyLock<RwLock<HashMap<String, Room>>> = LazyLock::new(RwLock::default);

/// One client in a room. Dropping it leaves the room.
pub struct Member {
    id: u64,
    room: String,
}

impl Member {
    pub fn join(room: String) -> (Self, UnboundedReceiver<Message>) {
        let (sender, receiver) = unbounded_channel();
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let mut rooms = ROOMS.write().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(room.clone()).or_default().insert(id, sender);
        (Self { id, room }, receiver)
    }

    /// Sends a message to all other members of the room.
    pub fn publish(&self, message: &Message) {
        publish(&self.room, message, Some(self.id));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut rooms = ROOMS.write().unwrap_or_else(PoisonError::into_inner);
        let Some(room) = rooms.get_mut(&self.room) else {
            return;
        };
        room.remove(&self.id);
        if room.is_empty() {
            rooms.remove(&self.room);
        }
    }
}

/// Sends a message to all members of a room, except the sender.
pub fn publish(room: &str, message: &Message, sender: Option<u64>) {
    let rooms = ROOMS.read().unwrap_or_else(PoisonError::into_inner);
    let Some(room) = rooms.get(room) else {
        return;
    };
    for (id, member) in room {
        if Some(*id) != sender {
            // A failed send is ignored: when a client disconnects, the client's task leaves the room.
            let _ = member.send(message.clone());
        }
    }
}
