// The configuration of nginx with Nchan.

export interface Buffering {
  /** Number of messages stored per channel. */
  messages: number;
  /** Time for which messages are stored, in seconds. */
  seconds?: number;
}

/**
 * @param folder for all files that nginx writes
 * @param loadable path of the module
 */
export function configuration(port: number, folder: string, loadable: string, buffering: Buffering): string {
  const { messages, seconds } = buffering;
  const timeout = seconds === undefined ? "" : `nchan_message_timeout ${seconds}s;`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path "${folder}/${kind}";`)
    .join("\n  ");
  return `load_module "${loadable}";
daemon off;
# One process only, so that the measurement covers the whole server.
master_process off;
pid "${folder}/nginx.pid";
worker_rlimit_nofile 65536;
error_log stderr warn;

events {
  worker_connections 65536;
}

http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  ${temporary}
  nchan_shared_memory_size 256m;
  nchan_message_buffer_length ${messages};
  ${timeout}

  server {
    listen 127.0.0.1:${port} backlog=4096;

    location ~ ^/sub/([^/]+)$ {
      nchan_subscriber websocket eventsource;
      nchan_subscriber_first_message newest;
      nchan_channel_id $1;
    }

    location ~ ^/pub/([^/]+)$ {
      nchan_publisher http websocket;
      nchan_channel_id $1;
    }

    location ~ ^/both/([^/]+)$ {
      nchan_pubsub websocket;
      nchan_subscriber_first_message newest;
      nchan_channel_id $1;
    }
  }
}
`;
}
