import json

import zmq

socket = zmq.Context().socket(zmq.SUB)
socket.connect("tcp://127.0.0.1:5555")
socket.subscribe("frame/")  # all satellites; "frame/39444/" is one
socket.subscribe("status/")
while True:
    topic, header, *payload = socket.recv_multipart()
    header = json.loads(header)
    if topic.startswith(b"frame/"):
        print(header["time"], header["satellite"], header["snr_db"], payload[0].hex(), flush=True)
    elif header.get("end"):
        break
